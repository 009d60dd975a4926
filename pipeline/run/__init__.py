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

from pipeline.catalogue import Target
from pipeline.config import Environment
from pipeline.errors import RegistryError
from pipeline.registry.together import each

from .engines import Engines, GivenEngine, LazyEngine
from .images import publish
from .ordering import carrying_most_first
from .platforms import refuse_impossible
from .results import ImageResult, RunResult, Stage, Status, TargetResult
from .standing import Kept, load
from .targets import Done, SharedDatabase, process
from .workshop import Limits, Signing, Workshop

__all__ = [
    "Engines",
    "GivenEngine",
    "ImageResult",
    "LazyEngine",
    "Limits",
    "RunResult",
    "Signing",
    "Stage",
    "Status",
    "TargetResult",
    "Workshop",
    "run",
]


async def run(shop: Workshop, until: Stage, to: Environment | None = None) -> RunResult:
    """Take every target of the plan through the stages up to and including `until`.

    `to` is the environment to promote to. Nothing that a single target does wrong raises; read the result.
    Raises EnvironmentProblem, before anything is built, when no engine runs programs of a target's platform.
    """
    began, asked = time.monotonic(), shop.registry.stats.total
    project = shop.plan.project.project
    shop = replace(shop, kept=Kept(await load(shop.registry, shop.builds, project, shop.today)))
    await refuse_impossible(shop, until)
    outcomes: dict[str, Done] = {}
    ended = {target.id: anyio.Event() for target in shop.plan.targets}
    database = SharedDatabase(shop)

    async def one_target(target: Target) -> None:
        for base in target.internal_bases:
            await ended[base].wait()
        outcomes[target.id] = await _after_bases(shop, target, outcomes, database, until)
        ended[target.id].set()

    async def one_image(group: Sequence[Target]) -> ImageResult:
        for target in group:
            await ended[target.id].wait()
        return await publish(shop, [(t, outcomes[t.id]) for t in group], until, to)

    groups = [group for _, group in shop.plan.groups()] if until.number >= Stage.PUSH.number else []
    tasks = [partial(one_target, target) for target in carrying_most_first(shop.plan.targets)]
    tasks += [partial(one_image, group) for group in groups]
    done = await each(lambda task: task(), tasks)

    try:
        await shop.kept.save(shop.registry, shop.builds, project)
    except RegistryError as fault:  # a memory, nothing that the run was to make
        shop.report("", "warning", f"what stands is not remembered: {fault.message}")
    return RunResult(
        targets=tuple(outcomes[t.id].result for t in shop.plan.targets),
        images=tuple(one for one in done if isinstance(one, ImageResult)),
        engine_used=shop.engines.awake,
        requests=shop.registry.stats.total - asked,
        seconds=time.monotonic() - began,
    )


async def _after_bases(
    shop: Workshop, target: Target, outcomes: dict[str, Done], database: SharedDatabase, until: Stage
) -> Done:
    bad = [outcomes[base].result for base in target.internal_bases if not outcomes[base].result.status.good]
    if bad:
        why = "; ".join(f"{r.id} {_word(r.status)}" for r in bad)
        shop.report(target.id, "aborted", why)
        return Done(
            TargetResult(
                target.id, target.image, target.tag, str(target.platform), Status.ABORTED, f"its base {why}"
            )
        )
    digests = {base: outcomes[base].result.digest for base in target.internal_bases}
    return await process(shop, target, {k: d for k, d in digests.items() if d}, database, until)


def _word(status: Status) -> str:
    words = {Status.CLOSED: "did not pass its gates", Status.ABORTED: "was aborted"}
    return words.get(status, str(status))
