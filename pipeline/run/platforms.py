"""Before anything is built: is there an engine that runs the programs of every target's platform?

A target goes to the engine named for its platform, else to the default one. If that is another machine, it needs an
emulator (`--emulate`, or one that its owner registered). A target that only copies files needs none, unless its tests
execute something.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import EnvironmentProblem
from pipeline.model import Platform
from pipeline.util.concurrency import each
from pipeline.util.progress import ProgressState

from .results import Stage
from .target.examination.outstanding_examinations import untested
from .target.examination.structure_tests import prepared

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.state.record import Record

    from .context import RunContext
    from .engines import LazyEngine

_OTHER_RUN = (
    "--emulate runs them by qemu, slowly; or run `--platform {own}` here, `--platform {wanted}` on a machine of that "
    "kind and `lockage manifest` after both; or name its engine: --engine {wanted}=ADDRESS"
)
_OTHER_REBUILD = (
    "LOCKAGE_EMULATE=1 runs them by qemu, slowly; or rebuild `--platform {own}` here, and `--platform {wanted}` on a "
    "machine of that kind"
)

FindRecord = Callable[[str], Awaitable["Record | None"]]
"""Gives the record of a key, None when there is none."""


async def refuse_impossible(context: RunContext, until: Stage, find: FindRecord) -> None:
    """Raise EnvironmentProblem, with everything that cannot be done here and what would help.

    Engines are woken only if something has to run on them for another platform than their own.
    """

    async def reason(target: Target) -> str:
        record = await find(target.key) if target.key and not context.fresh else None
        return _executes(target, record, until, context.tools.version("structure-test"))

    foreign = _foreign(context, context.plan.targets)
    reasons = zip(foreign, await each(reason, foreign), strict=True)
    refused = await _refused(context, [(target, reason) for target, reason in reasons if reason])
    if refused:
        await _refuse(context, refused, _OTHER_RUN)


async def refuse_rebuilding(context: RunContext, targets: Sequence[Target]) -> None:
    """Raise EnvironmentProblem for targets that are built again, whatever is known of them, and cannot be here."""
    executing = [(t, _executes(t, None, Stage.BUILD, "")) for t in _foreign(context, targets)]
    refused = await _refused(context, [(target, reason) for target, reason in executing if reason])
    if refused:
        await _refuse(context, refused, _OTHER_REBUILD)


_Refused = Sequence[tuple["Target", str]]


def _foreign(context: RunContext, targets: Sequence[Target]) -> list[Target]:
    return [target for target in targets if context.engines.of(target.platform).own != target.platform]


async def _refused(context: RunContext, executing: _Refused) -> _Refused:
    """Those that their engine cannot run."""
    able = await _able(context, {t.platform: context.engines.of(t.platform) for t, _ in executing})
    return [(target, reason) for target, reason in executing if not able[target.platform]]


async def _able(context: RunContext, engines: Mapping[Platform, LazyEngine]) -> dict[Platform, bool]:
    """Whether the engine of each platform runs programs for it."""
    able = {}
    for platform, engine in engines.items():
        able[platform] = await engine.runs(platform, context.contexts / f"probe-{platform.slug}")
        if able[platform] and platform != await engine.platform():
            context.tell(str(platform), ProgressState.EMULATE, f"on {engine.name}, which is {engine.own}")
    return able


async def _refuse(context: RunContext, refused: _Refused, hint: str) -> None:
    target, reason = refused[0]
    engine, wanted = context.engines.of(target.platform), target.platform
    own = await engine.platform()
    raise EnvironmentProblem(
        f"{target.id} {reason}, and {engine.name} is {own} and runs no programs for {wanted}",
        hint=hint.format(own=own, wanted=wanted),
        detail="\n".join(f"{t.id} {reason}" for t, reason in refused) if len(refused) > 1 else None,
    )


def _executes(target: Target, record: Record | None, until: Stage, tester: str) -> str:
    """What this run executes of a target, as the end of a sentence; empty for nothing."""
    from pipeline.dockerfile.run_platforms import run_platforms

    if record is None and target.platform in run_platforms(
        target.dockerfile, target.platform, target.arguments
    ):
        return "has RUN instructions"
    if until in (Stage.BUILD, Stage.SCAN, Stage.SBOM) or not untested(target, record, tester):
        return ""
    if any(check.service or check.image is None for check in target.checks):
        return "has checks that run it"
    return "has tests that run in it" if target.test and prepared(target.test).inside else ""
