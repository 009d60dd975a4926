"""lock: pin every external base and tool by the digest that the registry in force has now."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group
from ...command import Command
from ...common_options import CommonOptions
from ...output import console
from .lock_proposal import LockProposal

if TYPE_CHECKING:
    from pipeline.model import Digest, Reference


_PROPOSED = {
    "opened": "proposed",
    "updated": "the open request has the new lock",
    "unchanged": "proposed already",
    "withdrawn": "the branch has this lock already, so the request is closed",
    "declined": "somebody closed the request with just this lock, so it stays closed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOptions:
    """What `lock` understands."""

    common: CommonOptions = group(CommonOptions)
    check: bool = flag("--check", help="report what is missing or has moved; write nothing")
    propose: bool = flag(
        "--propose",
        help="open a pull or merge request with the new lock at GitHub or GitLab, or update the open one",
    )


@dataclass(frozen=True, slots=True)
class Pin:
    """A reference whose digest differs from the lock's; `before` is None where the lock lacks it."""

    reference: Reference
    before: Digest | None
    now: Digest

    def to_json(self) -> dict[str, object]:
        """For `--json`."""
        before = str(self.before) if self.before else None
        return {"reference": str(self.reference), "from": before, "to": str(self.now)}


@dataclass(frozen=True, slots=True)
class LockResult:
    """The lock, how many references it pins, and which pins are new."""

    path: Path
    references: int
    changes: tuple[Pin, ...]


def lock(options: LockOptions) -> int:
    """Write the lock; with `--check` compare only (exit code 3 when it is missing something or has moved)."""
    from ... import signals
    from ...proposals import require_reviewed

    if options.propose:
        require_reviewed("lock --propose")
        if options.check:
            raise UsageError("--check writes nothing, and --propose proposes what is written")
    wanted = LockProposal.of(options.common.root) if options.propose else None
    result = signals.run(partial(_lock, options))
    proposal = signals.run(partial(wanted.propose, result.path)) if wanted else None
    if options.common.json:
        changes = [pin.to_json() for pin in result.changes]
        proposed = {"proposal": proposal.to_json()} if proposal else {}
        console.print_json(
            {"path": str(result.path), "references": result.references, "changes": changes, **proposed}
        )
    else:
        for pin in result.changes:
            console.print_line(f"{pin.reference}  {pin.before or 'nothing'} -> {pin.now}")
    verb = "would change" if options.check else "written"
    console.message(f"{result.path}: {result.references} references, {len(result.changes)} {verb}")
    if proposal:
        console.message(f"{_PROPOSED[proposal.state]}: {proposal.url}")
    return Exit.CONFIG if options.check and result.changes else Exit.OK


async def _lock(options: LockOptions) -> LockResult:
    from pipeline.registry import Registry
    from pipeline.run.lock import resolve, wanted

    from ...instance.session import instance_session
    from ...output.progress import Progress
    from ...planning.reader import PlanReader, PlanRequest
    from ...registry_access import registry_access

    root = options.common.root
    plans = PlanReader(PlanRequest(root))
    plans.read_known()  # mistakes are reported before the instance is started
    async with (
        instance_session(root, "lock", Progress()) as session,
        Registry(registry_access()) as registry,
    ):
        before = session.lock.read()
        plan = plans.read(before)
        references, fallbacks = wanted(plan), plan.project.fallbacks(embedded="")
        resolved = await resolve(registry, session.mirrors, references, fallbacks)
        changes = []
        for reference in references:
            old, new = before.digest(reference) if before else None, resolved.images[reference]
            if old != new:
                changes.append(Pin(reference, old, new))
        if changes and not options.check:
            session.lock.write(resolved)
        return LockResult(session.lock.path, len(references), tuple(changes))


COMMANDS = {"lock": Command(LockOptions, lock)}
