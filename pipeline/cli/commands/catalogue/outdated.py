"""outdated: bases and tools whose tag has moved since it was locked, or that have a newer tag."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group
from ...command import Command
from ...common_options import CommonOptions
from ...output import console

if TYPE_CHECKING:
    from pipeline.run.outdated import Compared

_MAX_TAGS = 3  # newer tags of a reference in the table; --json has all


@dataclass(frozen=True, slots=True, kw_only=True)
class OutdatedOptions:
    """What `outdated` understands."""

    common: CommonOptions = group(CommonOptions)
    newer_tags: bool = flag(
        "--newer-tags", help="also list newer tags of the same kind (12.5-slim: 12.7-slim)"
    )


def outdated(options: OutdatedOptions) -> int:
    """Report what is outdated; exit code 3 when anything is, as `lock --check` has it."""
    from pipeline.run.summary import columns

    from ... import signals

    references = signals.run(partial(_outdated, options))
    stale = [reference for reference in references if reference.outdated]
    if options.common.json:
        rows = [reference.to_json() for reference in references]
        console.print_json({"references": rows, "outdated": len(stale)})
    elif stale:
        header = ("reference", "state", "locked", "now", "newer tags")
        console.print_text(columns([header, *map(_row, stale)]))
    moved = sum(reference.state != "current" for reference in stale)
    newer = sum(bool(reference.newer) for reference in stale)
    tags = f", {newer} have newer tags" if options.newer_tags else ""
    console.message(f"{len(references)} references, {moved} differ from the lock{tags}")
    if moved:
        console.message("next: lockage lock pins the digests that the tags have now")
    return Exit.CONFIG if stale else Exit.OK


def _row(reference: Compared) -> tuple[str, ...]:
    newer = ", ".join(reference.newer[:_MAX_TAGS])
    if len(reference.newer) > _MAX_TAGS:
        newer += f" and {len(reference.newer) - _MAX_TAGS} more"
    locked = reference.locked.short if reference.locked else "-"
    now = reference.now.short if reference.now else "-"
    return str(reference.reference), reference.state, locked, now, newer or "-"


async def _outdated(options: OutdatedOptions) -> list[Compared]:
    from pipeline.registry import Registry
    from pipeline.run.lock import wanted
    from pipeline.run.outdated import compare

    from ...instance.session import instance_session
    from ...output.progress import Progress
    from ...planning.reader import PlanReader, PlanRequest
    from ...registry_access import registry_access

    root = options.common.root
    plans = PlanReader(PlanRequest(root))
    plans.read_known()  # mistakes are reported before the instance is started
    async with (
        instance_session(root, "outdated", Progress()) as session,
        Registry(registry_access()) as registry,
    ):
        lock = session.lock.read()
        references = wanted(plans.read(lock))
        return await compare(registry, session.mirrors, references, lock, newer=options.newer_tags)


COMMANDS = {"outdated": Command(OutdatedOptions, outdated)}
