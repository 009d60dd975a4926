"""Where the tags of an image were, by the entries of a ledger: now, before the last promotion, or at any entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.policy.tag_moves import TagPosition
from pipeline.state.ledger import LedgerEntry
from pipeline.util.dataclass import dataclass

ROLLBACK = "rollback"
"""The command that entries of rollbacks name."""
RETENTION = "retention"
"""The command that entries of retention name: it deletes, and makes no state that anything goes back to."""


@dataclass(frozen=True, slots=True)
class RecordedState:
    """Where each tag of an image was left, and the entry of the ledger that says so."""

    entry: int
    tags: Mapping[str, TagPosition]

    @classmethod
    def of(cls, entry: LedgerEntry, image: str) -> RecordedState:
        """The state of an image at an entry; moves that were not completed count as made."""
        prefix = f"{image}:"
        tags = {n.removeprefix(prefix): p for n, p in entry.tags.items() if n.startswith(prefix)}
        return cls(entry.sequence, tags)

    def same_as(self, other: RecordedState) -> bool:
        """Whether both have the same tags at the same digests."""
        return {t: p.digest for t, p in self.tags.items()} == {t: p.digest for t, p in other.tags.items()}


def promoted_state(entries: Sequence[LedgerEntry], image: str) -> RecordedState | None:
    """The state that the last promotion of an image made, rolled back since or not; `entries` are the newest first."""
    changing = _changing(entries, image)
    return next((RecordedState.of(e, image) for e in changing if e.act.command != ROLLBACK), None)


def last_promoted(entries: Sequence[LedgerEntry]) -> tuple[str, ...]:
    """The images that the last promotion moved, rolled back since or not."""
    made = (entry for entry in entries if entry.act.command not in (ROLLBACK, RETENTION))
    newest = next((entry for entry in made if entry.changes), None)
    return tuple(sorted({change.image for change in newest.changes})) if newest else ()


def previous_state(entries: Sequence[LedgerEntry], image: str) -> RecordedState | None:
    """The state before the one that an image is in now; None if there was none.

    What was rolled back is not gone back to: after a rollback, "before" is counted from the promotion that made the
    state of today. A rollback that was interrupted is completed: its own state is the one before.
    """
    changing = _changing(entries, image)
    states = [RecordedState.of(entry, image) for entry in changing]
    if changing and changing[0].act.command == ROLLBACK and not changing[0].complete:
        return states[0]
    for number, (entry, state) in enumerate(zip(changing, states, strict=True)):
        if entry.act.command != ROLLBACK and state.same_as(states[0]):
            return states[number + 1] if number + 1 < len(states) else None
    return None


def named_state(entries: Sequence[LedgerEntry], image: str, name: str) -> RecordedState | None:
    """The state at an entry, by its number; or the newest one in which a tag of the image was at a digest."""
    for entry in entries:
        state = RecordedState.of(entry, image)
        if str(entry.sequence) == name and state.tags:
            return state
        if any(str(position.digest) == name for position in state.tags.values()):
            return state
    return None


def _changing(entries: Sequence[LedgerEntry], image: str) -> list[LedgerEntry]:
    return [
        entry
        for entry in entries
        if entry.act.command != RETENTION and any(change.image == image for change in entry.changes)
    ]
