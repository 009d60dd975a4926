"""Before anything is built: is there an engine that runs the programs of every target's platform?

A target goes to the engine named for its platform, else to the default one. If that is another machine, it needs an
emulator (`--emulate`, or one that its owner registered). A target that only copies files needs none, unless its tests
execute something.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from pipeline.dockerfile.run_platforms import run_platforms
from pipeline.errors import EnvironmentProblem
from pipeline.model import Platform
from pipeline.util.concurrency import each
from pipeline.util.progress import ProgressState

from .results import Stage
from .target.examination.examine import untested
from .target.examination.structure_tests import prepared

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.state.record import Record

    from .context import RunContext
    from .engines import Engines, LazyEngine

FindRecord = Callable[[str], Awaitable["Record | None"]]
"""Gives the record of a key, None when there is none."""


async def refuse_impossible(context: RunContext, until: Stage, find: FindRecord) -> None:
    """Raise EnvironmentProblem, with everything that cannot be done here and what would help.

    Engines are woken only if something has to run on them for another platform than their own.
    """
    engines = {target.platform: context.engines.of(target.platform) for target in context.plan.targets}
    foreign = [t for t in context.plan.targets if engines[t.platform].own != t.platform]

    async def reason(target: Target) -> str:
        record = await find(target.key) if target.key and not context.fresh else None
        return _executes(target, record, until, context.tools.version("structure-test"))

    reasons = zip(foreign, await each(reason, foreign), strict=True)
    executing = [(target, reason) for target, reason in reasons if reason]
    able = await _able(context, {t.platform: engines[t.platform] for t, _ in executing})
    refused = [(target, reason) for target, reason in executing if not able[target.platform]]
    if refused:
        await _refuse(context.engines, refused)


async def _able(context: RunContext, engines: Mapping[Platform, LazyEngine]) -> dict[Platform, bool]:
    """Whether the engine of each platform runs programs for it."""
    able = {}
    for platform, engine in engines.items():
        able[platform] = await engine.runs(platform, context.contexts / f"probe-{platform.slug}")
        if able[platform] and platform != await engine.platform():
            context.tell(str(platform), ProgressState.EMULATE, f"on {engine.name}, which is {engine.own}")
    return able


async def _refuse(engines: Engines, refused: list[tuple[Target, str]]) -> None:
    target, reason = refused[0]
    engine = engines.of(target.platform)
    own, wanted = await engine.platform(), target.platform
    raise EnvironmentProblem(
        f"{target.id} {reason}, and {engine.name} is {own} and runs no programs for {wanted}",
        hint=f"--emulate runs them by qemu, slowly; or run `--platform {own}` here, `--platform {wanted}` on a "
        f"machine of that kind and `lockage manifest` after both; or name its engine: --engine {wanted}=ADDRESS",
        detail="\n".join(f"{t.id} {reason}" for t, reason in refused) if len(refused) > 1 else None,
    )


def _executes(target: Target, record: Record | None, until: Stage, tester: str) -> str:
    """What this run executes of a target, as the end of a sentence; empty for nothing."""
    if record is None and target.platform in run_platforms(
        target.dockerfile, target.platform, target.arguments
    ):
        return "has RUN instructions"
    if until in (Stage.BUILD, Stage.SCAN, Stage.SBOM) or not untested(target, record, tester):
        return ""
    if any(check.service or check.image is None for check in target.checks):
        return "has checks that run it"
    return "has tests that run in it" if target.test and prepared(target.test).inside else ""
