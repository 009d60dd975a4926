"""A promotion against `crane copy` of the same image: requests through one counting proxy, time without it."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from tests.bench.figures import Figure
from tests.bench.stand import Stand
from tests.tools import logins

from .promote_command import as_command
from .proxy import Counted, counting
from .subject import Subject, crane_commands, fresh, run_quietly, subject_of

if TYPE_CHECKING:
    from pipeline.model import Repository
    from pipeline.registry import Registry


def measure(stand: Stand) -> list[Figure]:
    """The copy alone, the promotion (referrers and tags besides), and the command."""
    home, cold = stand.cold_run
    subject, crane = subject_of(json.loads(cold.out)), stand.tool("crane")
    stand.say(f"promotion, {stand.rounds} rounds")
    peer = partial(crane_commands, crane, subject.host, subject)
    _, *tag = peer()
    tagged = f"crane copy, crane tag x{len(tag)}"
    carried = f"{tagged}, crane copy x{len(subject.referrers)}"
    with counting(subject.host) as proxy:
        logins.also(subject.host, proxy.host)
        copied = _counted(proxy, subject, _copy)
        promoted = _counted(proxy, subject, _promotion)
        bare, short, whole = (
            _counted_crane(proxy, commands)
            for commands in (
                crane_commands(crane, proxy.host, subject)[:1],
                crane_commands(crane, proxy.host, subject),
                crane_commands(crane, proxy.host, subject, referrers=True),
            )
        )
    left = (
        f"crane leaves {len(subject.referrers)} referrers behind (signatures, bills of materials, findings)"
    )
    note = "crane is given the digests of the referrers; it does not look for them"
    return [
        _requests(
            "copy: requests",
            copied,
            bare,
            "crane copy",
            "one index, one platform, no referrers on either side",
        ),
        _requests("promotion: requests", promoted, short, tagged, left),
        _requests("promotion: requests, same content", promoted, whole, carried, note),
        _in_process("promotion within a run: time", stand, subject, peer, tagged, left),
        _in_process(
            "promotion within a run: time, same content",
            stand,
            subject,
            partial(peer, referrers=True),
            carried,
            note,
        ),
        as_command(stand, home, subject, crane),
    ]


def _requests(what: str, ours: Counter[str], theirs: Counter[str], against: str, note: str) -> Figure:
    each = "; ".join(
        f"{name} " + ", ".join(f"{count} {method}" for method, count in sorted(asked.items()) if count)
        for name, asked in (("ours", ours), ("crane", theirs))
    )
    return Figure(what, ours.total(), theirs.total(), against, unit="requests", note=f"{each}; {note}")


async def _copy(registry: Registry, source: Repository, subject: Subject, to: Repository) -> None:
    await registry.copy(source, subject.digest, to, tag=subject.tags[0], referrers=False)


async def _promotion(registry: Registry, source: Repository, subject: Subject, to: Repository) -> None:
    from pipeline.run.publish.promotion import perform, plan_promotion

    await perform(registry, await plan_promotion(registry, source, subject.digest, to, subject.tags))


Work = Callable[["Registry", "Repository", Subject, "Repository"], Awaitable[None]]


def _once(host: str, subject: Subject, work: Work) -> float:
    """Seconds of the work alone, in a client that has met the registry."""
    import anyio

    from pipeline.registry import Registry

    async def run() -> float:
        async with Registry(logins.access()) as registry:
            await registry.ping(host)
            began = time.perf_counter()
            await work(registry, subject.at(host), subject, fresh(host))
            return time.perf_counter() - began

    return anyio.run(run)


def _counted(proxy: Counted, subject: Subject, work: Work) -> Counter[str]:
    proxy.take()
    _once(proxy.host, subject, work)
    return proxy.take() - Counter({"GET": 1})  # the ping


def _counted_crane(proxy: Counted, commands: list[list[str]]) -> Counter[str]:
    proxy.take()
    for argv in commands:
        run_quietly(argv)
    return proxy.take()


def _in_process(
    what: str, stand: Stand, subject: Subject, peer: Callable[[], list[list[str]]], against: str, note: str
) -> Figure:
    """Our work without the start of the interpreter: what a run pays for one more image."""
    ours, theirs = [], []
    _once(subject.host, subject, _promotion)
    for _ in range(stand.rounds):
        ours.append(_once(subject.host, subject, _promotion))
        commands = peer()
        began = time.perf_counter()
        for argv in commands:
            run_quietly(argv)
        theirs.append(time.perf_counter() - began)
    return Figure(
        what,
        statistics.median(ours),
        statistics.median(theirs),
        against,
        spread=(min(ours), max(ours)),
        note=f"ours in a running program, crane's with the start of its processes; {note}",
    )
