"""FROM as a graph: what is internal, what is external, what is a mistake; cycles; build order.

A name without host and namespace (`python:3.11`) whose name is an image of the catalogue is internal, by tag
or alias. Everything else is external and must be listed in `bases:` of lockage.yml, so that a typing error is
an error and not a pull of somebody else's image. `docker.io/library/python:3.11` is always external.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from pipeline.config import Lock
from pipeline.dockerfile.bases import BaseUse
from pipeline.errors import Problem
from pipeline.model import Platform, Reference, Repository
from pipeline.util.suggest import did_you_mean

DOCKERFILE = Repository("docker.io", "docker/dockerfile")  # needs no entry in bases:

Node = tuple[str, str, Platform]  # image, tag, platform


@dataclass(frozen=True, slots=True)
class Edge:
    """One base of a node: another node, or a reference to elsewhere."""

    use: BaseUse
    node: Node | None = None
    reference: Reference | None = None


class Names:
    """What FROM may name: the catalogue's images with tags and aliases, and the declared bases."""

    def __init__(
        self,
        tags: Mapping[str, Mapping[str, str]],
        platforms: Mapping[tuple[str, str], tuple[Platform, ...]],
        bases: Iterable[Reference],
        lock: Lock | None,
    ) -> None:
        self._tags, self._platforms, self._lock = tags, platforms, lock
        self._bases = frozenset(bases)
        self._parsed: dict[str, Reference] = {}

    def resolve(self, use: BaseUse, platform: Platform) -> Edge:
        """Where a use leads. Raises `UnknownBase`."""
        try:
            return self._resolve(use, platform)
        except UnknownBase as error:
            error.name = use.name
            raise

    def _resolve(self, use: BaseUse, platform: Platform) -> Edge:
        reference = self._parsed.get(use.name)
        if reference is None:
            reference = self._parsed[use.name] = _parsed(use.name)
        name, _, tag = use.name.partition("@")[0].partition(":")
        if self.is_internal(use.name):
            return self._internal(use, name, tag, reference, use.platform or platform)
        return self._external(use, reference)

    def _internal(self, use: BaseUse, name: str, tag: str, reference: Reference, platform: Platform) -> Edge:
        tags = self._tags[name]
        if use.on_build_platform:
            message = f"{use.name} is made here, and a plan does not know the engine's own platform"
            raise UnknownBase(message, "write --platform=linux/amd64, or leave it out")
        if reference.digest:
            raise UnknownBase(f"{name} is an image of this catalogue and is named by tag, not by digest")
        real = tags.get(tag or "latest")
        if real is None:
            known = ", ".join(f"{name}:{t}" for t in sorted(tags))
            message = f"unknown base {use.name}: the catalogue's {name} has no tag {tag or 'latest'}"
            suggestion = did_you_mean(use.name, [f"{name}:{t}" for t in tags]) or f"known: {known[:200]}"
            raise UnknownBase(message, suggestion)
        if platform not in self._platforms[name, real]:
            have = ", ".join(str(p) for p in self._platforms[name, real])
            raise UnknownBase(f"{name}:{real} is not made for {platform}", f"it is made for {have}")
        return Edge(use, node=(name, real, platform))

    def is_internal(self, name: str) -> bool:
        """Whether a name is that of an image of the catalogue."""
        return "/" not in name and name.partition("@")[0].partition(":")[0] in self._tags

    def external(self, name: str) -> Reference:
        """An image from elsewhere that must be declared, pinned where the lock knows it. Raises `UnknownBase`."""
        return self._pinned(_parsed(name), name, "base")

    def frontend(self, name: str) -> Reference:
        """The image of a `# syntax=`, pinned where the lock knows it: docker/dockerfile, or one of the declared
        bases. Raises `UnknownBase`."""
        reference = _parsed(name)
        return self._pinned(reference, name, "frontend", known=reference.repository == DOCKERFILE)

    def _external(self, use: BaseUse, reference: Reference) -> Edge:
        return Edge(use, reference=self._pinned(reference, use.name, "base"))

    def _pinned(self, reference: Reference, name: str, what: str, known: bool = False) -> Reference:
        tagged = reference if reference.tag else reference.repository.tagged("latest")
        tagged = Reference(tagged.repository, tagged.tag)
        untagged = reference.digest is not None and reference.tag is None
        declared = (
            any(b.repository == reference.repository for b in self._bases)
            if untagged
            else tagged in self._bases
        )
        if not declared and not known:
            where = f"add {tagged} to bases: in lockage.yml"
            near = self._near(name)
            raise UnknownBase(f"unknown {what} {name}", f"{near} or {where}" if near else where)
        if reference.digest:
            return reference
        digest = self._lock.digest(tagged) if self._lock else None
        return tagged.pinned(digest) if digest else tagged

    def _near(self, name: str) -> str | None:
        """What was probably meant: an image of the catalogue by its name, else a declared base."""
        image, _, tag = name.partition(":")
        close = did_you_mean(image, self._tags)
        if close and "/" not in name:
            image = close.removeprefix("did you mean ").removesuffix("?")
            known = [f"{image}:{t}" for t in self._tags[image]]
            return did_you_mean(f"{image}:{tag}", known) or f"did you mean {known[0]}?"
        names = {b.familiar: str(b) for b in self._bases}
        return did_you_mean(name, [*names, *names.values()])


class UnknownBase(Exception):
    """A name in FROM that leads nowhere."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message, self.suggestion = message, suggestion
        self.name = ""


def _parsed(name: str) -> Reference:
    try:
        return Reference.parse(name)
    except ValueError as error:
        raise UnknownBase(str(error)) from None


def order(edges: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """A build order, and the cycles that have none (graphlib names one of them, a user wants all).

    `edges` maps a node to those it stands on. Of nodes that are ready, the first in `edges` goes first, so
    the order is the same everywhere. A cycle starts and ends with the same node.
    """
    rank = {node: number for number, node in enumerate(edges)}
    names = list(edges)
    sorter = TopologicalSorter(edges)
    with suppress(CycleError):
        sorter.prepare()  # after which it still gives what does not wait for a cycle
    ready: list[int] = []
    done: list[str] = []
    while True:
        for node in sorter.get_ready():
            heapq.heappush(ready, rank[node])
        if not ready:
            return tuple(done), _cycles(edges, edges.keys() - set(done))
        done.append(names[heapq.heappop(ready)])
        sorter.done(done[-1])


def _cycles(edges: Mapping[str, tuple[str, ...]], left: Collection[str]) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for start in sorted(left):
        path: list[str] = []
        node: str | None = start
        while node is not None and node not in seen:
            seen.add(node)
            path.append(node)
            node = next((b for b in sorted(edges[node]) if b in left), None)
        if node is not None and node in path:
            found.append((*path[path.index(node) :], node))
    return tuple(found)


def cycle_problem(cycle: tuple[str, ...], path: str, line: int) -> Problem:
    """A cycle as a problem at the FROM that closes it."""
    return Problem(
        path, line, 1, "FROM", f"cycle: {' → '.join(cycle)}", "one of them must stand on another image"
    )
