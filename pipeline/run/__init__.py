"""The run: every stage in order, as much at once as the plan and the limits allow.

A target waits for what it stands on; an image tag waits for its platforms; nothing waits for anything else.
Results come in plan order, and what could not run is among them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio

from pipeline.catalogue import Target
from pipeline.config import Environment

from .engines import GivenEngine, LazyEngine
from .images import publish
from .results import ImageResult, RunResult, Stage, Status, TargetResult
from .targets import Done, SharedDatabase, process
from .workshop import Limits, Signing, Workshop

__all__ = [
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
    """
    began, asked = time.monotonic(), shop.registry.stats.total
    outcomes: dict[str, Done] = {}
    ended = {target.id: anyio.Event() for target in shop.plan.targets}
    images: dict[str, ImageResult] = {}
    database = SharedDatabase(shop)

    async def one_target(target: Target) -> None:
        try:
            for base in target.internal_bases:
                await ended[base].wait()
            outcomes[target.id] = await _after_bases(shop, target, outcomes, database, until)
        finally:
            ended[target.id].set()

    async def one_image(name: str, group: tuple[Target, ...]) -> None:
        for target in group:
            await ended[target.id].wait()
        images[name] = await publish(shop, [(t, outcomes[t.id]) for t in group], until, to)

    async with anyio.create_task_group() as tasks:
        for target in shop.plan.targets:
            tasks.start_soon(one_target, target)
        if until.number >= Stage.PUSH.number:
            for name, group in shop.plan.groups():
                tasks.start_soon(one_image, name, group)

    return RunResult(
        targets=tuple(outcomes[t.id].result for t in shop.plan.targets),
        images=tuple(images[name] for name, _ in shop.plan.groups() if name in images),
        engine_used=shop.engine.awake,
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
    words: dict[Status, Callable[[], str] | str] = {
        Status.CLOSED: "did not pass its gates",
        Status.FAILED: "failed",
        Status.ABORTED: "was aborted",
    }
    return str(words.get(status, status))
