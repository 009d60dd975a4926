"""A plan of changes as a file: what a command was asked, everything that it moves or deletes, and what that rests on.

It is no script: `apply` plans again, and performs only what comes out the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.errors import Exit, LockageError, UsageError
from pipeline.model import Digest
from pipeline.state.ledger import load_ledger
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact, pretty
from pipeline.util.json.values import as_list, as_object, as_text, as_text_mapping, as_texts, parse_json

from .change import PlannedChange

if TYPE_CHECKING:
    from pipeline.run.context import RunContext

FORMAT_VERSION = 1
COMMANDS = ("promote", "release", "rollback", "retention", "copy", "mirror")
_MOST = 64 * 1024 * 1024


class PlanOutdated(LockageError):
    """What was planned is not what would be done now; nothing was changed."""

    exit_code = Exit.GATE


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan of one command for a project; `copy` and `mirror` have none.

    `request` are the command's arguments. `ledgers` has the digest of the newest entry of each ledger, by the name of
    its environment; empty for one without entries.
    """

    command: str
    project: str
    request: tuple[str, ...]
    moves: tuple[PlannedChange, ...]
    ledgers: Mapping[str, str]

    @classmethod
    async def of(
        cls,
        context: RunContext,
        command: str,
        request: Sequence[str],
        environments: Iterable[str],
    ) -> SavedPlan:
        """What a command is asked now, and what that rests on: the ledgers with these names. It has no moves yet.

        Raises RegistryError.
        """
        store, ledgers = context.store(), {}
        for name in environments:
            ledger = await load_ledger(store, name)
            ledgers[name] = str(ledger.layers[0].digest) if ledger.layers else ""
        return cls(command, context.plan.project.project, tuple(request), (), ledgers)

    def with_moves(self, moves: Iterable[PlannedChange]) -> SavedPlan:
        """The same with what it changes."""
        return replace(self, moves=tuple(sorted(moves, key=lambda move: str(move.reference))))

    def to_bytes(self) -> bytes:
        """The file: JSON in the form that `SCHEMA` describes."""
        return pretty({**self._to_json(), "checksum": str(self.checksum)}).encode()

    def _to_json(self) -> dict[str, object]:
        return {
            "format_version": FORMAT_VERSION,
            "command": self.command,
            "project": self.project,
            "request": list(self.request),
            "moves": [move.to_json() for move in self.moves],
            "ledgers": dict(self.ledgers),
        }

    @property
    def checksum(self) -> Digest:
        """A hash of the content, by which an edit is noticed. It is no signature."""
        return Digest.of(compact(self._to_json()))

    @property
    def digest(self) -> Digest:
        """The digest of its file."""
        return Digest.of(self.to_bytes())

    @classmethod
    def from_bytes(cls, raw: bytes, name: str) -> SavedPlan:
        """Read a file. Raises UsageError for anything else than what `to_bytes` writes."""
        try:
            if len(raw) > _MOST:
                raise ValueError("it is too large")
            data = as_object(parse_json(raw, strict=True))
            if data.get("format_version") != FORMAT_VERSION:
                raise ValueError(f"format {str(data.get('format_version'))[:40]}")
            if data["command"] not in COMMANDS:
                raise ValueError(f"command {str(data['command'])[:40]!r}")
            plan = cls(
                as_text(data["command"]),
                as_text(data["project"]),
                as_texts(data["request"]),
                tuple(PlannedChange.from_json(as_object(move)) for move in as_list(data["moves"])),
                as_text_mapping(data["ledgers"]),
            )
            if raw != plan.to_bytes():
                raise ValueError("it was edited after it was written")
            return plan
        except (ValueError, KeyError, TypeError) as fault:
            what = f"{fault.args[0]!r} is missing" if isinstance(fault, KeyError) else str(fault)
            raise UsageError(
                f"{name} is no plan to apply: {what}", hint="lockage promote … --plan-file FILE writes one"
            ) from None

    def refuse_project(self, project: str) -> None:
        """Raise UsageError unless it is a plan of this project."""
        if self.project != project:
            raise UsageError(
                f"the plan is one of the project {self.project}, and this is {project}",
                hint="lockage -C DIR apply FILE, in the checkout of that project",
            )

    def refuse_unless(self, now: SavedPlan) -> None:
        """Raise PlanOutdated, with every difference, unless the same would be done now."""
        lines = [
            f"the ledger of {name} has other entries since"
            for name in sorted(self.ledgers.keys() | now.ledgers.keys())
            if now.ledgers.get(name) != self.ledgers.get(name)
        ]
        planned, others = _by_reference(self.moves), _by_reference(now.moves)
        for reference in sorted(planned.keys() | others.keys()):
            before, after = planned.get(reference), others.get(reference)
            if before != after:
                lines.append(f"{reference}  planned: {before or 'no change'}; now: {after or 'no change'}")
        if lines:
            raise PlanOutdated(
                "the registry is not as it was when this was planned; nothing was changed",
                hint="make the plan again, and have it approved again",
                detail="\n".join(lines),
            )


def _by_reference(moves: Sequence[PlannedChange]) -> dict[str, PlannedChange]:
    return {str(move.reference): move for move in moves}
