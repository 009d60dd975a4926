"""Before anything is built: is there an engine that runs the programs of every target's platform?

Native first: a target goes to the engine named for its platform, else to the usual one. Where that is another
machine, it must have an emulator (`--emulate`, or one that its owner registered). A target that only copies files
needs none, unless its tests start something.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from pipeline.dockerfile.instructions import scan
from pipeline.errors import EnvironmentProblem
from pipeline.model import Platform
from pipeline.util.concurrency import each

from .known_records import known
from .results import Stage
from .target.examine import untested
from .target.structure_tests import split

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.state.records import Record

    from .context import RunContext
    from .engines import LazyEngine

Known = Callable[[str], Awaitable["Record | None"]]


async def refuse_impossible(context: RunContext, until: Stage, ask: Known | None = None) -> None:
    """Raises EnvironmentProblem, with everything that cannot be done here and what would help.

    Engines are asked only when something is to be run on them for another platform than their own; `ask` says
    what is known under a key (default: what the registry knows).
    """

    async def recall(key: str) -> Record | None:
        return await known(context, key)

    asked = ask or recall
    engines = {target.platform: context.engines.of(target.platform) for target in context.plan.targets}
    doubtful = [t for t in context.plan.targets if engines[t.platform].own != t.platform]

    async def one(target: Target) -> tuple[Target, str]:
        record = await asked(target.key) if target.key and not context.fresh else None
        return target, _executes(context, target, record, until)

    needed = [(target, why) for target, why in await each(one, doubtful) if why]
    can = await _abilities(context, {t.platform: engines[t.platform] for t, _ in needed})
    refused = [(target, why) for target, why in needed if not can[target.platform]]
    if refused:
        await _refuse(context, refused)


async def _abilities(context: RunContext, wanted: Mapping[Platform, LazyEngine]) -> dict[Platform, bool]:
    out = {}
    for platform, engine in wanted.items():
        out[platform] = await engine.runs(platform, context.contexts / f"probe-{platform.slug}")
        if out[platform] and platform != await engine.platform():
            context.report(str(platform), "emulate", f"on {engine.name}, which is {engine.own}")
    return out


async def _refuse(context: RunContext, refused: list[tuple[Target, str]]) -> None:
    target, why = refused[0]
    engine = context.engines.of(target.platform)
    own, wanted = await engine.platform(), target.platform
    raise EnvironmentProblem(
        f"{target.id} {why}, and {engine.name} is {own} and runs no programs for {wanted}",
        hint=f"--emulate runs them by qemu, slowly; or run `--platform {own}` here, `--platform {wanted}` on a "
        f"machine of that kind and `lockage manifest` after both; or name its engine: --engine {wanted}=ADDRESS",
        detail="\n".join(f"{t.id} {reason}" for t, reason in refused) if len(refused) > 1 else None,
    )


def _executes(context: RunContext, target: Target, record: Record | None, until: Stage) -> str:
    """What of a target has to be run by this run, for the error's sentence; empty when nothing has."""
    if record is None and target.platform in run_platforms(target.dockerfile, target.platform):
        return "has RUN instructions"
    if until in (Stage.BUILD, Stage.SCAN, Stage.SBOM) or not target.test:
        return ""
    evidence = record.evidence if record else None
    if record and evidence and not untested(context, target, evidence.tests, record.tests):
        return ""
    return "has tests that run in it" if split(target.test)[0] else ""


def run_platforms(dockerfile: str, platform: Platform) -> frozenset[Platform]:
    """For which platforms a Dockerfile's RUN instructions run; those on the build platform are left out."""
    stages: dict[str, Platform | None] = {}
    now: Platform | None = platform
    out = set()
    for instruction in scan(dockerfile).instructions:
        words = [word.text for word in instruction.words]
        if instruction.keyword == "FROM" and words:
            asked = [f.text.partition("=")[2] for f in instruction.flags if f.text.startswith("--platform=")]
            now = _stage_platform(asked[0], platform) if asked else stages.get(words[0].lower(), platform)
            if len(words) == 3:
                stages[words[2].lower()] = now
        elif instruction.keyword == "RUN" and now:
            out.add(now)
    return frozenset(out)


def _stage_platform(text: str, platform: Platform) -> Platform | None:
    if "BUILDPLATFORM" in text:
        return None
    try:
        return Platform.parse(text.strip("\"'"))
    except ValueError:
        return platform
