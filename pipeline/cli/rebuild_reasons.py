"""What is new in a target since it was last built, as the registry remembers it; no engine."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.registry import Registry
from pipeline.state.build_inputs import BuildInputs, difference, read_build_inputs

from . import signals
from .context import access
from .instance_session import instance_session
from .progress import Progress

if TYPE_CHECKING:
    from pipeline.plan import Plan


def since_build(plan: Plan, target_id: str, options: argparse.Namespace) -> dict[str, Any]:
    """`known` (whether it was ever built), `revision`, `key`, `fresh` of that build, and `difference` in lines."""
    return signals.run(partial(_since_build, plan, target_id, options))


def as_text(found: dict[str, Any]) -> str:
    """The same for people."""
    if not found["known"]:
        return "It was never built before, or nobody remembers it.\n"
    how = ", afresh" if found["fresh"] else ""
    head = f"Last built at {found['revision']}{how} (key {found['key'][:12]}):"
    if found["difference"] is None:
        return f"{head} it has no key now, because a base is not locked.\n"
    lines = found["difference"] or ["nothing that goes into it is new"]
    return "\n".join([head, *(f"  {line}" for line in lines)]) + "\n"


async def _since_build(plan: Plan, target_id: str, options: argparse.Namespace) -> dict[str, Any]:
    async with instance_session(options, Progress()) as here, Registry(access()) as registry:
        builds = plan.project.builds_repository(embedded=here.host)
        before = await read_build_inputs(registry, builds, target_id)
    if before is None:
        return {"known": False}
    now = BuildInputs.of(plan, plan.by_id[target_id])
    return {
        "known": True,
        "revision": before.revision,
        "key": before.key,
        "fresh": before.fresh,
        "difference": difference(before, now) if now else None,
    }
