"""lock: every external base and tool pinned by the digest that the registry in force has now."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from pipeline.errors import Exit
from pipeline.registry import Registry
from pipeline.run.lock import resolve, wanted

from .. import output, signals
from ..context import access, read_plan
from ..instance_session import instance_session
from ..progress import Progress


def lock(options: argparse.Namespace) -> int:
    """Write the lock; with `--check` compare only (exit code 3 when it is missing something or has moved)."""
    found = signals.run(partial(_lock, options))
    if options.json:
        output.data(found)
    else:
        for change in found["changes"]:
            output.out(f"{change['reference']}  {change['from'] or 'nothing'} -> {change['to']}\n")
    verb = "would change" if options.check else "written"
    output.say(f"{found['path']}: {found['references']} references, {len(found['changes'])} {verb}")
    return Exit.CONFIG if options.check and found["changes"] else Exit.OK


async def _lock(options: argparse.Namespace) -> dict[str, Any]:
    options.targets, options.platform, options.only = [], [], []
    async with instance_session(options, Progress()) as here, Registry(access()) as registry:
        before = here.lock.read()
        references = wanted(read_plan(options, before))
        now = await resolve(registry, here.mirrors, references)
        changes = []
        for reference in references:
            old, new = before.digest(reference) if before else None, now.digest(reference)
            if old != new:
                changes.append(
                    {"reference": str(reference), "from": str(old) if old else None, "to": str(new)}
                )
        if changes and not options.check:
            here.lock.write(now)
        return {"path": str(here.lock.path), "references": len(references), "changes": changes}
