"""Retention over 10,000 tags of as many images, on distribution: a plan that knows nothing, and one after a run.

olareg takes longer for each request the more tags a repository has; it would be measured, not the plan.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.bench.figures import Figure
from tests.bench.stand import Stand

if TYPE_CHECKING:
    from tests.release.retention.repository import Yard

_TAGS = 10_000
_PAGE = 1_000


def measure(stand: Stand) -> list[Figure]:
    """Seconds and requests, against one request a tag and one a page. Nothing goes: all images are new."""
    import anyio

    from tests.registry import servers

    with servers.distribution(stand.scratch / "distribution") as host:
        return anyio.run(_measure, stand, host)


async def _measure(stand: Stand, host: str) -> list[Figure]:
    from tests.release.retention.repository import Yard

    yard = Yard(host)
    stand.say(f"retention: {_TAGS} tags")
    await _fill(yard)
    figures = await _plans(yard, "retention, first plan", _TAGS + _TAGS // _PAGE, 6)
    await yard.apply()
    yard.later(1)
    return figures + await _plans(yard, "retention, plan after a run", _TAGS // _PAGE, 1)


async def _fill(yard: Yard) -> None:
    from pipeline.registry import Registry
    from pipeline.util.concurrency import each
    from tests.registry import images

    image = images.image("bench", platforms=("linux/amd64",), layers=1)
    (child,) = image.children
    async with Registry() as registry:
        await images.push(registry, yard.repository, image)

        async def one(number: int) -> None:
            notes = {"number": str(number)}
            made = images.manifest_of(child.blobs[0], list(child.layers), annotations=notes)
            await yard.tag(made, f"{'old' if number % 2 else 'keep'}-{number}", registry)

        await each(one, range(_TAGS))


async def _plans(yard: Yard, what: str, floor: int, goal: float) -> list[Figure]:
    requests, seconds = 0, []
    for _ in range(3):
        taken, requests = await _timed(yard)
        seconds.append(taken)
    note = (
        "nothing goes; the floor is a request for each tag that is not known, and one for each page of them"
    )
    spread = (min(seconds), max(seconds))
    return [
        Figure(what, sorted(seconds)[1], goal=goal, absolute=True, spread=spread),
        Figure(f"{what}: requests", requests, floor, "floor", "requests", goal=1.3, note=note),
    ]


async def _timed(yard: Yard) -> tuple[float, int]:
    from pipeline.registry import Registry
    from pipeline.release.retention.planning import plan_retention

    async with Registry() as registry:
        begin = time.perf_counter()
        plan, _ = await plan_retention(yard.scope(registry))
        taken = time.perf_counter() - begin
        assert not plan.deletions and len(plan.repositories[0].kept) == _TAGS
        return taken, sum(registry.stats.requests.values())
