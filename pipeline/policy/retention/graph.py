"""Marking: what kept tags need, through index, child, referrer and their referrers; and what only others needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pipeline.model import Digest
from pipeline.util.dataclass import dataclass

from .facts import RepositoryFacts


@dataclass(frozen=True, slots=True)
class Marks:
    """`alive` is what has to stay. `doomed` is the rest of what the doomed roots lead to, parents first, each with the
    manifest that led to it; None for a root."""

    alive: frozenset[Digest]
    doomed: Mapping[Digest, Digest | None]


class _Graph:
    """The edges of a repository: an index to its children, a subject to its referrers."""

    def __init__(self, facts: RepositoryFacts) -> None:
        self._facts = facts
        self._referrers: dict[Digest, set[Digest]] = {}
        for node in facts.nodes.values():
            for subject in node.subjects:
                self._referrers.setdefault(subject, set()).add(node.digest)
        for tag, subject in facts.attached.items():
            self._referrers.setdefault(subject, set()).add(facts.tags[tag])

    def after(self, digest: Digest) -> list[Digest]:
        """What a manifest keeps alive: children in their order, then referrers."""
        return [*self._children(digest), *sorted(self._referrers.get(digest, ()))]

    def reach(
        self, roots: Iterable[Digest], stop: frozenset[Digest] = frozenset()
    ) -> dict[Digest, Digest | None]:
        """All that roots lead to without passing through `stop`, each with what led to it."""
        reached: dict[Digest, Digest | None] = {root: None for root in roots if root not in stop}
        todo = list(reached)
        while todo:
            digest = todo.pop()
            for next_one in self.after(digest):
                if next_one not in reached and next_one not in stop:
                    reached[next_one] = digest
                    todo.append(next_one)
        return reached

    def ordered(self, digests: Collection[Digest]) -> list[Digest]:
        """Indexes before their children, and what is attached to something last, as far as indexes allow that: one may
        be attached to what it holds."""
        done: list[Digest] = []
        seen: set[Digest] = set()
        for root in sorted(digests, key=lambda digest: (not self._is_attached(digest), digest)):
            todo = [(root, False)]
            while todo:
                digest, left = todo.pop()
                if left:
                    done.append(digest)
                elif digest not in seen:
                    seen.add(digest)
                    todo.append((digest, True))
                    todo += [(child, False) for child in self._children(digest) if child in digests]
        return done[::-1]

    def _children(self, digest: Digest) -> tuple[Digest, ...]:
        node = self._facts.nodes.get(digest)
        return node.children if node else ()

    def _is_attached(self, digest: Digest) -> bool:
        node = self._facts.nodes.get(digest)
        return bool(node and node.subjects)


def mark(facts: RepositoryFacts, kept: Iterable[Digest], doomed: Iterable[Digest]) -> Marks:
    """What `kept` digests need stays, and so does everything that nobody decided about; the rest of what `doomed`
    leads to goes."""
    graph, doomed = _Graph(facts), frozenset(doomed)
    alive = frozenset(graph.reach([*kept, *facts.needed, *_undecided(facts, doomed)]))
    unneeded = graph.reach(sorted(doomed), stop=alive)
    return Marks(alive, {digest: unneeded[digest] for digest in graph.ordered(unneeded)})


def _undecided(facts: RepositoryFacts, doomed: frozenset[Digest]) -> set[Digest]:
    """Manifests without a tag, an index or a subject of theirs, and those that are attached to something unknown."""
    children = {child for node in facts.nodes.values() for child in node.children}
    unknown = {
        facts.tags[tag] for tag, subject in facts.attached.items() if not _is_known(facts, subject, children)
    }
    tagged = set(facts.tags.values())
    unknown |= {
        node.digest
        for node in facts.nodes.values()
        if node.digest not in tagged
        and node.digest not in children
        and any(not _is_known(facts, subject, children) for subject in node.subjects)
    }
    return (unknown | untagged_roots(facts)) - doomed


def _is_known(facts: RepositoryFacts, subject: Digest, children: set[Digest]) -> bool:
    return subject in facts.nodes or subject in facts.gone or subject in children


def untagged_roots(facts: RepositoryFacts) -> set[Digest]:
    """Known manifests without a tag that belong to no index and are attached to nothing."""
    tagged = set(facts.tags.values())
    children = {child for node in facts.nodes.values() for child in node.children}
    return {
        node.digest
        for node in facts.nodes.values()
        if not node.subjects and node.digest not in tagged and node.digest not in children
    }
