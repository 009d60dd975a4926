"""The promotion of a set of a hundred signed images within one registry, beside regctl on the same images."""

from __future__ import annotations

import statistics
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.bench.figures import Figure
from tests.bench.stand import Stand

if TYPE_CHECKING:
    from pipeline.run import RunContext

_IMAGES = 100
_ROUNDS = 3


def measure(stand: Stand) -> list[Figure]:
    """Two platforms, three tags and all that a run attaches for each image; a new environment in each round."""
    import anyio

    from tests.registry import servers
    from tests.tools.peers import regctl

    regctl()  # compiled before anything is timed
    with servers.olareg(stand.scratch / "many") as host:
        return anyio.run(_measure, stand, host)


async def _measure(stand: Stand, host: str) -> list[Figure]:
    from pipeline.registry import Registry
    from pipeline.run import Stage
    from tests.stages.fleet import make_fleet, plan

    more = {}
    for number in range(_IMAGES - 1):
        more[f"images/app-{number:03}/image.yml"] = "tags: [1.2.3]\n"
        more[f"images/app-{number:03}/Dockerfile.tmpl"] = "FROM debian:12\nUSER 1\n"
    stand.say(f"{_IMAGES} signed images")
    async with Registry() as registry:
        fleet = await make_fleet(registry, plan(host, more), stand.scratch)
        result = await fleet.run(Stage.SIGN)
        if result.faults:
            raise AssertionError(result.faults[0])
        ours: list[tuple[float, int]] = []
        again: list[tuple[float, int]] = []
        theirs: list[float] = []
        for number in range(_ROUNDS):
            stand.say(f"promoting them, round {number + 1} of {_ROUNDS}")
            context = _context(fleet.context, f"ours{number}")
            ours.append(await _promote(context))
            again.append(await _promote(context))
            theirs.append(_by_regctl(context, f"theirs{number}"))
    return [*_figures(ours, theirs), *_finished(again)]


def _context(context: RunContext, name: str) -> RunContext:
    """The context with a second environment of its own."""
    project = context.plan.project
    first, second, *_ = project.environments
    there = replace(second, name=name, repository=f"{name}/{{image}}")
    plan = replace(context.plan, project=replace(project, environments=(first, there)))
    return replace(context, plan=plan)


async def _promote(context: RunContext) -> tuple[float, int]:
    """Seconds and requests of one promotion of everything, as another process makes it."""
    from pipeline.registry import Registry
    from pipeline.release.promote import Promotions

    first, there = context.plan.project.environments
    async with Registry() as registry:
        began = time.perf_counter()
        done = await Promotions(replace(context, registry=registry), first, [there]).perform()
        seconds = time.perf_counter() - began
        if len(done) != _IMAGES:
            raise AssertionError(f"{len(done)} images were promoted")
        return seconds, sum(registry.stats.requests.values())


def _by_regctl(context: RunContext, name: str) -> float:
    """Seconds in which regctl copies the same images with their referrers and gives them the same tags, in a row."""
    from tests.tools.peers import regctl

    _, there = context.plan.project.environments
    commands = []
    for _, (target, *_) in context.plan.groups():
        source = context.repository(there, target.image)
        to = f"{source.host}/{name}/{target.image}"
        one, *others = target.tags
        copy = [str(regctl()), "--host", f"reg={source.host},tls=disabled", "image", "copy"]
        commands.append([*copy, "--referrers", str(source.tagged(one)), f"{to}:{one}"])
        commands += [[*copy, f"{to}:{one}", f"{to}:{tag}"] for tag in others]
    began = time.perf_counter()
    for argv in commands:
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _figures(ours: list[tuple[float, int]], theirs: list[float]) -> list[Figure]:
    seconds = [one for one, _ in ours]
    return [
        Figure(
            f"promotion of {_IMAGES} images",
            statistics.median(seconds),
            statistics.median(theirs),
            "regctl image copy --referrers, and one a tag, in a row",
            goal=0.6,
            spread=(min(seconds), max(seconds)),
            note="ours verifies and judges each image first, and writes the ledger",
        ),
        Figure(
            f"promotion of {_IMAGES} images: requests of an image", ours[-1][1] / _IMAGES, unit="requests"
        ),
    ]


def _finished(again: list[tuple[float, int]]) -> list[Figure]:
    seconds = [one for one, _ in again]
    return [
        Figure("the same again", statistics.median(seconds), spread=(min(seconds), max(seconds))),
        Figure(
            "the same again: requests of a tag",
            again[-1][1] / ((1 + 3) * _IMAGES),
            unit="requests",
            goal=1.0,
            absolute=True,
            note="of each image, the commit's tag and three of the environment",
        ),
    ]
