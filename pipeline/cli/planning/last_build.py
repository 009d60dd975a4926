"""What is new in a target since it was last built, as the repository of builds remembers it; no engine is needed."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.registry import Registry
from pipeline.state.build_inputs import BuildInputs, difference, read_build_inputs
from pipeline.state.signers import Signers
from pipeline.state.store import Store
from pipeline.util.dataclass import dataclass
from pipeline.util.printable import safe_line

from .. import signals
from ..instance.session import instance_session
from ..instance.signing_key import signing_key, trusted_keys
from ..output.progress import Progress
from ..registry_access import registry_access

if TYPE_CHECKING:
    from pipeline.plan import Plan


@dataclass(frozen=True, slots=True)
class LastBuild:
    """The last build of a target, and in lines what differs now; None where the target has no key now."""

    revision: str
    key: str
    fresh: bool
    difference: tuple[str, ...] | None


def find_last_build(plan: Plan, target_id: str, root: Path) -> LastBuild | None:
    """The last build of a target of the plan; None if there is no record of one."""
    return signals.run(partial(_find, plan, target_id, root))


def to_json(build: LastBuild | None) -> dict[str, object]:
    """For `--json`: `known` (whether there is a record), and what the record says."""
    if build is None:
        return {"known": False}
    return {
        "known": True,
        "revision": build.revision,
        "key": build.key,
        "fresh": build.fresh,
        "difference": list(build.difference) if build.difference is not None else None,
    }


def to_text(build: LastBuild | None) -> str:
    """The same for people."""
    if build is None:
        return "There is no record of an earlier build.\n"
    fresh = ", without caches" if build.fresh else ""
    header = f"Last built at {build.revision}{fresh} (key {build.key[:12]}):"
    if build.difference is None:
        return f"{header} it has no key now, because a base is not locked.\n"
    lines = build.difference or ("none of its inputs has changed",)
    return "\n".join([header, *(safe_line(f"  {line}") for line in lines)]) + "\n"


async def _find(plan: Plan, target_id: str, root: Path) -> LastBuild | None:
    async with (
        instance_session(root, "plan", Progress()) as session,
        Registry(registry_access()) as registry,
    ):
        builds = plan.project.builds_repository(embedded=session.host)
        pair = signing_key(os.environ, session.settings.data)
        trusted = trusted_keys(plan.project.trusted_records, root)
        store = Store(registry, builds, Signers.of(plan.project.project, pair, trusted))
        before = await read_build_inputs(store, target_id)
    if before is None:
        return None
    now = BuildInputs.of(plan, plan.by_id[target_id])
    changes = tuple(difference(before, now)) if now else None
    return LastBuild(before.revision, before.key, before.fresh, changes)
