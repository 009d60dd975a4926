"""A plan of changes as a file: what a command was asked, every tag that it moves, and the state that it rests on.

It is no script: `apply` plans again, and performs only what comes out the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.errors import Exit, LockageError, UsageError
from pipeline.model import Digest, Reference
from pipeline.run.publish.promotion import TagMove
from pipeline.state.ledger import load_ledger
from pipeline.state.record import digest_of_text
from pipeline.util.json.canonical import compact, pretty
from pipeline.util.json.values import as_list, as_object, as_text, as_text_mapping, as_texts, parse_json

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.run.context import RunContext

FORMAT_VERSION = 1
COMMANDS = ("promote", "release", "rollback")
_MOST = 64 * 1024 * 1024


class PlanOutdated(LockageError):
    """What was planned is not what would be done now; nothing was changed."""

    exit_code = Exit.GATE


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan of one command for a project.

    `request` are the command's arguments. `ledgers` has the digest of the newest entry of each
    environment's ledger, empty for one without entries.
    """

    command: str
    project: str
    request: tuple[str, ...]
    moves: tuple[TagMove, ...]
    ledgers: Mapping[str, str]

    @classmethod
    async def of(
        cls,
        context: RunContext,
        command: str,
        request: Sequence[str],
        environments: Iterable[Environment],
    ) -> SavedPlan:
        """What a command is asked now, and what that rests on; without its moves. Raises RegistryError."""
        store, ledgers = context.store(), {}
        for environment in environments:
            ledger = await load_ledger(store, environment.name)
            ledgers[environment.name] = str(ledger.layers[0].digest) if ledger.layers else ""
        return cls(command, context.plan.project.project, tuple(request), (), ledgers)

    def with_moves(self, moves: Iterable[TagMove]) -> SavedPlan:
        """The same with the tags that move."""
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
                tuple(_move(as_object(move)) for move in as_list(data["moves"])),
                as_text_mapping(data["ledgers"]),
            )
            if data["checksum"] != str(plan.checksum):
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
            for name, entry in self.ledgers.items()
            if now.ledgers.get(name) != entry
        ]
        planned, others = _by_reference(self.moves), _by_reference(now.moves)
        for reference in sorted(planned.keys() | others.keys()):
            before, after = planned.get(reference), others.get(reference)
            if before != after:
                lines.append(f"{reference}  planned: {_text(before)}; now: {_text(after)}")
        if lines:
            raise PlanOutdated(
                "the registry is not as it was when this was planned; nothing was changed",
                hint="make the plan again, and have it approved again",
                detail="\n".join(lines),
            )


def _by_reference(moves: Sequence[TagMove]) -> dict[str, tuple[Digest | None, Digest]]:
    return {str(move.reference): (move.before, move.after) for move in moves}


def _text(move: tuple[Digest | None, Digest] | None) -> str:
    return f"{move[0].short if move[0] else 'nothing'} → {move[1].short}" if move else "no change"


def _move(data: Mapping[str, object]) -> TagMove:
    before = digest_of_text(as_text(data["from"])) if data["from"] is not None else None
    return TagMove(Reference.parse(as_text(data["reference"])), before, Digest(as_text(data["to"])))
