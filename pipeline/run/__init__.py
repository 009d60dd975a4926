"""The run: every stage in order, as much at once as the plan and the limits allow.

A target waits for what it stands on; an image tag waits for its platforms; nothing waits for anything else.
Results come in plan order, and what could not run is among them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import anyio

from pipeline.config import Environment
from pipeline.errors import RegistryError
from pipeline.plan import Target
from pipeline.state.run_state import RunState, load_run_state
from pipeline.util.concurrency import each

from .context import RunContext, RunLimits, Signing
from .engines import Engines, GivenEngine, LazyEngine
from .platforms import refuse_impossible
from .priority import most_dependents_first
from .publish.image import publish
from .results import ImageResult, RunResult, Stage, Status, TargetResult
from .target.process import SharedDatabase, TargetOutcome, process

__all__ = [
    "Engines",
    "GivenEngine",
    "ImageResult",
    "LazyEngine",
    "RunContext",
    "RunLimits",
    "RunResult",
    "Signing",
    "Stage",
    "Status",
    "TargetResult",
    "run",
]


async def run(context: RunContext, until: Stage, to: Environment | None = None) -> RunResult:
    """Take every target of the plan through the stages up to and including `until`.

    `to` is the environment to promote to. Nothing that a single target does wrong raises; read the result.
    Raises EnvironmentProblem, before anything is built, when no engine runs programs of a target's platform.
    """
    began, asked = time.monotonic(), context.registry.stats.total
    project = context.plan.project.project
    context = replace(
        context, kept=RunState(await load_run_state(context.registry, context.builds, project, context.today))
    )
    await refuse_impossible(context, until)
    outcomes: dict[str, TargetOutcome] = {}
    ended = {target.id: anyio.Event() for target in context.plan.targets}
    database = SharedDatabase(context)

    async def one_target(target: Target) -> None:
        for base in target.internal_bases:
            await ended[base].wait()
        outcomes[target.id] = await _after_bases(context, target, outcomes, database, until)
        ended[target.id].set()

    async def one_image(group: Sequence[Target]) -> ImageResult:
        for target in group:
            await ended[target.id].wait()
        return await publish(context, [(t, outcomes[t.id]) for t in group], until, to)

    groups = [group for _, group in context.plan.groups()] if until.number >= Stage.PUSH.number else []
    tasks = [partial(one_target, target) for target in most_dependents_first(context.plan.targets)]
    tasks += [partial(one_image, group) for group in groups]
    done = await each(lambda task: task(), tasks)

    try:
        await context.kept.save(context.registry, context.builds, project)
    except RegistryError as fault:  # a memory, nothing that the run was to make
        context.report("", "warning", f"what stands is not remembered: {fault.message}")
    return RunResult(
        targets=tuple(outcomes[t.id].result for t in context.plan.targets),
        images=tuple(one for one in done if isinstance(one, ImageResult)),
        engine_used=context.engines.awake,
        requests=context.registry.stats.total - asked,
        seconds=time.monotonic() - began,
    )


async def _after_bases(
    context: RunContext,
    target: Target,
    outcomes: dict[str, TargetOutcome],
    database: SharedDatabase,
    until: Stage,
) -> TargetOutcome:
    bad = [outcomes[base].result for base in target.internal_bases if not outcomes[base].result.status.good]
    if bad:
        why = "; ".join(f"{r.id} {_word(r.status)}" for r in bad)
        context.report(target.id, "aborted", why)
        return TargetOutcome(
            TargetResult(
                target.id, target.image, target.tag, str(target.platform), Status.ABORTED, f"its base {why}"
            )
        )
    digests = {base: outcomes[base].result.digest for base in target.internal_bases}
    return await process(context, target, {k: d for k, d in digests.items() if d}, database, until)


def _word(status: Status) -> str:
    words = {Status.CLOSED: "did not pass its gates", Status.ABORTED: "was aborted"}
    return words.get(status, str(status))
