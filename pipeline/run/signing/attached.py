"""What the key attests of one digest of an image tag: what is attached, and what a run adds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.util.dataclass import dataclass

from .statements import Kind, kind_of

if TYPE_CHECKING:
    from pipeline.model import Descriptor, Digest
    from pipeline.trust import Statement, Verification


@dataclass(frozen=True, slots=True)
class Attached:
    """A digest with the verified statements about it and their referrers; `kinds` are those of the statements."""

    descriptor: Descriptor
    seen: Verification
    kinds: tuple[Kind, ...]

    @classmethod
    def of(cls, descriptor: Descriptor, seen: Verification) -> Attached:
        """What is attached already."""
        return cls(descriptor, seen, tuple(map(kind_of, seen.statements)))

    def plus(self, added: Iterable[tuple[Statement, Digest]]) -> Attached:
        """The same with more statements, each with its referrer."""
        statements, sources = list(self.seen.statements), list(self.seen.sources)
        kinds = list(self.kinds)
        for statement, source in added:
            statements.append(statement)
            sources.append(source)
            kinds.append(kind_of(statement))
        seen = replace(self.seen, statements=tuple(statements), sources=tuple(sources))
        return Attached(self.descriptor, seen, tuple(kinds))

    def referrers(self, kinds: Sequence[Kind]) -> list[Digest]:
        """One referrer for each kind that is attached: of several the first in the order of their digests, so that
        every run names the same."""
        of_kind: dict[Kind, Digest] = {}
        for kind, source in zip(self.kinds, self.seen.sources, strict=True):
            of_kind[kind] = min(of_kind.get(kind, source), source, key=str)
        return [of_kind[kind] for kind in kinds if kind in of_kind]

    def first_of(self, predicate_type: str) -> list[Digest]:
        """The same for one predicate type, whatever the statements say."""
        pairs = zip(self.seen.statements, self.seen.sources, strict=True)
        return sorted((s for about, s in pairs if about.predicate_type == predicate_type), key=str)[:1]
