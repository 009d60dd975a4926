"""The registry client beside crane and regctl, on one olareg: push, another tag, copies alone and with referrers."""

from __future__ import annotations

import resource
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.figures import Figure
from tests.bench.stand import Stand

from .memory import push_memory
from .proxy import Counted, counting
from .subject import fresh, run_quietly

if TYPE_CHECKING:
    from pipeline.model import Repository
    from pipeline.registry import Registry
    from tests.registry.images import Image

_PLATFORMS = 2

Argv = list[str]
Ours = Callable[["Registry", str], Awaitable[None]]
Peers = Mapping[str, Callable[[str], Sequence[Argv]]]


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that each client does on the registry at a host; `floor` is the fewest requests there could be."""

    name: str
    ours: Ours
    peers: Peers
    floor: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds on the clock, and of the processor."""

    seconds: float
    cpu: float


def measure(stand: Stand) -> list[Figure]:
    """Requests through one counting proxy, time without it, memory of a large push."""
    from tests.registry import images, servers

    what = images.image("bench")
    images.layout(stand.scratch / "layout", what, tag="1")
    with servers.olareg(stand.scratch / "olareg") as host:
        stand.say(f"registry, {stand.rounds} rounds")
        works = _works(stand, host, what)
        figures = []
        with counting(host) as proxy:
            for work in works:
                figures += _requests(work, proxy)
        for work in works:
            figures += _time(work, host, stand.rounds)
        figures.append(push_memory(stand, host))
    return figures


def _works(stand: Stand, host: str, what: Image) -> list[Work]:
    from pipeline.registry import push_layout
    from tests.tools import peers

    crane, regctl = str(stand.tool("crane")), [str(peers.regctl()), "--verbosity", "error"]
    layout = stand.scratch / "layout"
    source, notes = _prepared(host, what)

    def plain(at: str) -> Argv:
        return [*regctl, "--host", f"reg={at},tls=disabled"]

    def here(at: str) -> str:
        return f"{at}/{source.path}"

    async def push(registry: Registry, at: str) -> None:
        await push_layout(registry, layout, fresh(at), "1")

    async def retag(registry: Registry, at: str) -> None:
        repo = _at(source, at)
        await registry.copy(repo, what.index.digest, repo, tag=fresh(at).path.rpartition("/")[2])

    async def copy(registry: Registry, at: str) -> None:
        await registry.copy(_at(source, at), what.index.digest, fresh(at), tag="1", referrers=False)

    async def whole(registry: Registry, at: str) -> None:
        await registry.copy(_at(source, at), what.index.digest, fresh(at), tag="1")

    def copy_by_name(at: str) -> list[Argv]:
        to = fresh(at)
        copies = [[crane, "copy", f"{here(at)}@{digest}", f"{to}@{digest}"] for digest in notes]
        return [[crane, "copy", f"{here(at)}:1", f"{to}:1"], *copies]

    digest = what.index.digest
    return [
        Work(
            "push of a layout",
            push,
            {
                "crane": lambda at: [[crane, "push", "--index", str(layout), f"{fresh(at)}:1"]],
                "regctl": lambda at: [
                    [*plain(at), "image", "copy", f"ocidir://{layout}:1", f"{fresh(at)}:1"]
                ],
            },
            8 * 2 + 1 + _PLATFORMS,
            "8 uploads of two requests each, 3 manifests",
        ),
        Work(
            "another tag in one repository",
            retag,
            {
                "crane": lambda at: [[crane, "tag", f"{here(at)}@{digest}", _tag(at)]],
                "regctl": lambda at: [
                    [*plain(at), "image", "copy", f"{here(at)}@{digest}", f"{here(at)}:{_tag(at)}"]
                ],
            },
            2,
        ),
        Work(
            "copy to another repository",
            copy,
            {
                "crane": lambda at: [[crane, "copy", f"{here(at)}:1", f"{fresh(at)}:1"]],
                "regctl": lambda at: [[*plain(at), "image", "copy", f"{here(at)}:1", f"{fresh(at)}:1"]],
            },
            14,
            "3 GET, 8 mounts, 3 PUT",
        ),
        Work(
            "copy with a signature and an SBOM",
            whole,
            {
                "crane, copied by name": copy_by_name,
                "regctl": lambda at: [
                    [*plain(at), "image", "copy", "--referrers", f"{here(at)}:1", f"{fresh(at)}:1"]
                ],
            },
            24,
            "24: referrers of the index alone; ours also asks what refers to the platforms and to the referrers",
        ),
    ]


def _prepared(host: str, what: Image) -> tuple[Repository, list[str]]:
    """The source repository, and the digests of what refers to the image there."""
    import anyio

    from pipeline.registry import Registry
    from tests.registry import images

    async def work() -> tuple[Repository, list[str]]:
        repo = fresh(host)
        async with Registry() as registry:
            await images.push(registry, repo, what, "1")
            notes = [
                await images.attach(registry, repo, what.index.descriptor, n) for n in ("signature", "SBOM")
            ]
        return repo, [str(note.digest) for note in notes]

    return anyio.run(work)


def _at(repo: Repository, host: str) -> Repository:
    from pipeline.model import Repository

    return Repository(host, repo.path)


def _tag(host: str) -> str:
    return fresh(host).path.rpartition("/")[2]


def _requests(work: Work, proxy: Counted) -> list[Figure]:
    _once(proxy.host, work.ours)  # tokens and tags nobody has: as any later one
    proxy.take()
    _once(proxy.host, work.ours)
    ours = proxy.take() - Counter({"GET": 1})  # the ping
    theirs = {}
    for name, commands in work.peers.items():
        for argv in commands(proxy.host):
            run_quietly(argv)
        theirs[name] = proxy.take()
    best = min(theirs, key=lambda name: theirs[name].total())
    counts = "; ".join(f"{name} {_counts(asked)}" for name, asked in (("ours", ours), *theirs.items()))
    return [
        Figure(
            f"{work.name}: requests",
            ours.total(),
            theirs[best].total(),
            best,
            unit="requests",
            goal=work.floor + 1,
            absolute=True,
            note="; ".join(filter(None, (counts, work.note))),
        )
    ]


def _counts(asked: Counter[str]) -> str:
    return f"{asked.total()} ({', '.join(f'{count} {method}' for method, count in sorted(asked.items()) if count)})"


def _once(host: str, work: Ours) -> Taken:
    """What the work alone takes, in a client that has met the registry."""
    import anyio

    from pipeline.registry import Registry

    async def run() -> Taken:
        async with Registry() as registry:
            await registry.ping(host)
            began, used = time.perf_counter(), time.process_time()
            await work(registry, host)
            return Taken(time.perf_counter() - began, time.process_time() - used)

    return anyio.run(run)


def _time(work: Work, host: str, rounds: int) -> list[Figure]:
    """In turns; ours without the start of the interpreter, theirs as the processes they are."""
    found: dict[str, list[Taken]] = {"ours": [], **{name: [] for name in work.peers}}
    for number in range(rounds + 1):
        taken = {"ours": _once(host, work.ours)}
        taken |= {name: _peer(commands(host)) for name, commands in work.peers.items()}
        if number:  # the first round warms up
            for name, one in taken.items():
                found[name].append(one)
    wall = {name: statistics.median(one.seconds for one in every) for name, every in found.items()}
    cpu = {name: statistics.median(one.cpu for one in every) for name, every in found.items()}
    least = {name: min(one.seconds for one in every) for name, every in found.items()}
    best = min(work.peers, key=lambda name: wall[name])
    times = ", ".join(f"{name} {wall[name] * 1000:.0f} ms (least {least[name] * 1000:.0f})" for name in found)
    ours = [one.seconds for one in found["ours"]]
    return [
        Figure(
            f"{work.name}: time",
            wall["ours"],
            wall[best],
            best,
            goal=0.7,
            spread=(min(ours), max(ours)),
            cpu=cpu["ours"],
            peer_cpu=cpu[best],
            note=f"{times}; ours in a running program, theirs with the start of their processes",
        )
    ]


def _peer(batch: Sequence[Argv]) -> Taken:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    for argv in batch:
        run_quietly(argv)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Taken(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
