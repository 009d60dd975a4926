"""FROM as a graph: internal and external bases, build order, cycles.

A name without host and namespace (`python:3.11`) of an image of the catalogue is internal, by tag or alias.
Every other name is external and must be listed in `bases:` of lockage.yml, so that a typo is an error and never
pulls a stranger's image. `docker.io/library/python:3.11` is always external.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter

from pipeline.config import Lock
from pipeline.dockerfile.base_uses import BaseUse
from pipeline.errors import Problem
from pipeline.model import Platform, Reference, Repository
from pipeline.util.dataclass import dataclass
from pipeline.util.suggest import did_you_mean, nearest, suggest

DOCKERFILE = Repository("docker.io", "docker/dockerfile")  # needs no entry in bases:

Node = tuple[str, str, Platform]  # image, tag, platform


@dataclass(frozen=True, slots=True)
class Edge:
    """One base of a node: another node, or an external reference."""

    use: BaseUse
    node: Node | None = None
    reference: Reference | None = None


class Names:
    """The names available to FROM: images of the catalogue by tag or alias, and the declared bases."""

    def __init__(
        self,
        tags: Mapping[str, Mapping[str, str]],
        platforms: Mapping[tuple[str, str], tuple[Platform, ...]],
        bases: Iterable[Reference],
        lock: Lock | None,
    ) -> None:
        self.asked: set[str] = set()
        """The images of which it was asked whether the catalogue has them, or what tags they have."""
        self._tags, self._platforms, self._lock = tags, platforms, lock
        self._bases = frozenset(bases)
        self._parsed: dict[str, Reference] = {}

    def resolve(self, use: BaseUse, platform: Platform) -> Edge:
        """The edge of a use. Raises `UnknownBase`."""
        reference = self._parsed.get(use.name)
        if reference is None:
            reference = self._parsed[use.name] = _parse(use.name)
        if self.is_internal(use.name):
            return self._internal(use, reference, use.platform or platform)
        return Edge(use, reference=self._pinned(reference, use.name, "base"))

    def _internal(self, use: BaseUse, reference: Reference, platform: Platform) -> Edge:
        image, _, tag = use.name.partition("@")[0].partition(":")
        tags = self._tags[image]
        if use.on_build_platform:
            message = f"{use.name} is made here, and a plan does not know the engine's own platform"
            raise UnknownBase(use.name, message, "write --platform=linux/amd64, or leave it out")
        if reference.digest:
            message = f"{image} is an image of this catalogue and is named by tag, not by digest"
            raise UnknownBase(use.name, message)
        real = tags.get(tag or "latest")
        if real is None:
            known = [f"{image}:{other}" for other in tags]
            message = f"unknown base {use.name}: the catalogue's {image} has no tag {tag or 'latest'}"
            suggestion = did_you_mean(use.name, known) or f"known: {', '.join(sorted(known))[:200]}"
            raise UnknownBase(use.name, message, suggestion)
        platforms = self._platforms[image, real]
        if platform not in platforms:
            message = f"{image}:{real} is not made for {platform}"
            raise UnknownBase(use.name, message, f"it is made for {', '.join(map(str, platforms))}")
        return Edge(use, node=(image, real, platform))

    def is_internal(self, name: str) -> bool:
        """Whether a name belongs to an image of the catalogue."""
        if "/" in name:
            return False
        image = name.partition("@")[0].partition(":")[0]
        self.asked.add(image)
        return image in self._tags

    def external(self, name: str) -> Reference:
        """A declared external image, pinned if the lock has it. Raises `UnknownBase`."""
        return self._pinned(_parse(name), name, "base")

    def frontend(self, name: str) -> Reference:
        """The image of a `# syntax=`, pinned if the lock has it: docker/dockerfile, or one of the declared bases.
        Raises `UnknownBase`."""
        reference = _parse(name)
        return self._pinned(reference, name, "frontend", known=reference.repository == DOCKERFILE)

    def _pinned(self, reference: Reference, name: str, role: str, *, known: bool = False) -> Reference:
        tagged = Reference(reference.repository, reference.tag or "latest")
        if reference.digest and not reference.tag:
            declared = any(base.repository == reference.repository for base in self._bases)
        else:
            declared = tagged in self._bases
        if not declared and not known:
            remedy = f"add {tagged} to bases: in lockage.yml"
            near = self._near(name)
            raise UnknownBase(name, f"unknown {role} {name}", f"{near} or {remedy}" if near else remedy)
        if reference.digest:
            return reference
        digest = self._lock.digest(tagged) if self._lock else None
        return tagged.pinned(digest) if digest else tagged

    def _near(self, name: str) -> str | None:
        """A suggestion: an image of the catalogue with a similar name, otherwise a declared base."""
        image, _, tag = name.partition(":")
        near = nearest(image, self._tags)
        if near and "/" not in name:
            known = [f"{near}:{other}" for other in self._tags[near]]
            return suggest(nearest(f"{near}:{tag}", known) or known[0])
        names = {base.familiar: str(base) for base in self._bases}
        return did_you_mean(name, [*names, *names.values()])


class UnknownBase(Exception):
    """The name of an image that cannot be resolved."""

    def __init__(self, name: str, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.name, self.message, self.suggestion = name, message, suggestion


def _parse(name: str) -> Reference:
    try:
        return Reference.parse(name)
    except ValueError as error:
        raise UnknownBase(name, str(error)) from None


def order(edges: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """A build order, and every cycle (graphlib reports only one).

    `edges` maps a node to its bases. Of the nodes that are ready, the first in `edges` comes first, so the order is
    the same on every machine. A cycle starts and ends with the same node.
    """
    rank = {node: number for number, node in enumerate(edges)}
    names = list(edges)
    sorter = TopologicalSorter(edges)
    with suppress(CycleError):
        sorter.prepare()  # it still returns the nodes that do not depend on a cycle
    ready: list[int] = []
    done: list[str] = []
    while True:
        for node in sorter.get_ready():
            heapq.heappush(ready, rank[node])
        if not ready:
            return tuple(done), _cycles(edges, edges.keys() - set(done))
        done.append(names[heapq.heappop(ready)])
        sorter.done(done[-1])


def _cycles(edges: Mapping[str, tuple[str, ...]], rest: Collection[str]) -> tuple[tuple[str, ...], ...]:
    cycles: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for start in sorted(rest):
        path: list[str] = []
        node: str | None = start
        while node is not None and node not in seen:
            seen.add(node)
            path.append(node)
            node = next((b for b in sorted(edges[node]) if b in rest), None)
        if node is not None and node in path:
            cycles.append((*path[path.index(node) :], node))
    return tuple(cycles)


def cycle_problem(cycle: tuple[str, ...], path: str, line: int) -> Problem:
    """A cycle as a problem, at the FROM that closes it."""
    return Problem(path, line, 1, "FROM", f"cycle: {' → '.join(cycle)}", "base one of them on another image")
