"""One change of a saved plan: a tag that moves or is deleted, or a manifest that is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Self

from pipeline.model import Digest, Reference
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_optional_text, as_text

if TYPE_CHECKING:
    from pipeline.policy.retention import RetentionPlan
    from pipeline.run.publish.promotion import TagMove


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What a reference names before and after; `after` is None for what is deleted. Changes are the same whatever
    their `reason` says."""

    reference: Reference
    before: Digest | None
    after: Digest | None
    reason: str = field(default="", compare=False)

    @classmethod
    def of_move(cls, move: TagMove) -> Self:
        """A tag that moves."""
        return cls(move.reference, move.before, move.after)

    def __str__(self) -> str:
        return f"{_text(self.before)} → {_text(self.after)}"

    def to_json(self) -> dict[str, str | None]:
        """The change as data."""
        return {
            "reference": str(self.reference),
            "from": str(self.before) if self.before else None,
            "to": str(self.after) if self.after else None,
            **({"reason": self.reason} if self.reason else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError, KeyError."""
        before, after = (as_optional_text(data[end]) for end in ("from", "to"))
        return cls(
            Reference.parse(as_text(data["reference"])),
            Digest(before) if before is not None else None,
            Digest(after) if after is not None else None,
            as_text(data.get("reason", "")),
        )


def deletions_of(plan: RetentionPlan) -> list[PlannedChange]:
    """Everything that a run of retention deletes."""
    return [
        PlannedChange(
            one.repository.tagged(action.tag) if action.tag else one.repository.at(action.digest),
            action.digest,
            None,
            action.reason,
        )
        for one in plan.repositories
        for action in one.actions
    ]


def _text(digest: Digest | None) -> str:
    return digest.short if digest else "nothing"
