"""outdated: bases and tools whose tag stands for something else now, or has a newer one beside it."""

from __future__ import annotations

import argparse
from functools import partial

from pipeline.errors import Exit
from pipeline.registry import Registry
from pipeline.run.lock import wanted
from pipeline.run.outdated import Compared, compare
from pipeline.run.summary import columns

from .. import output, signals
from ..context import access, read_plan
from ..instance_session import instance_session
from ..progress import Progress

_SHOWN = 3


def outdated(options: argparse.Namespace) -> int:
    """Say what is outdated; exit code 3 when anything is, as `lock --check` has it."""
    found = signals.run(partial(_outdated, options))
    stale = [one for one in found if one.outdated]
    if options.json:
        output.data({"references": [one.to_json() for one in found], "outdated": len(stale)})
    elif stale:
        rows = [("reference", "state", "locked", "now", "newer tags"), *map(_row, stale)]
        output.out(columns(rows))
    moved = sum(one.state != "current" for one in stale)
    newer = sum(bool(one.newer) for one in stale)
    tags = f", {newer} have newer tags" if options.newer_tags else ""
    output.say(f"{len(found)} references, {moved} not as the lock has them{tags}")
    if moved:
        output.say("next: lockage lock pins what the tags are now")
    return Exit.CONFIG if stale else Exit.OK


def _row(one: Compared) -> tuple[str, ...]:
    newer = ", ".join(one.newer[:_SHOWN])
    if len(one.newer) > _SHOWN:
        newer += f" and {len(one.newer) - _SHOWN} more"
    locked = one.locked.short if one.locked else "-"
    return str(one.reference), one.state, locked, one.now.short if one.now else "-", newer or "-"


async def _outdated(options: argparse.Namespace) -> list[Compared]:
    async with instance_session(options, Progress()) as here, Registry(access()) as registry:
        lock = here.lock.read()
        references = wanted(read_plan(options, lock))
        return await compare(registry, here.mirrors, references, lock, newer=options.newer_tags)
