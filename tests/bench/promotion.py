"""A promotion against `crane copy` of the same image: requests through one counting proxy, time without it."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .clock import Command, Failed, in_turns, wall
from .figures import Figure
from .proxy import Counted, counting
from .stand import Home, Stand

if TYPE_CHECKING:
    from pipeline.model import Digest, Repository
    from pipeline.registry import Registry

_IMAGE = "python"
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is promoted: the index with all that refers to it, and the tags it shall have."""

    host: str
    path: str
    digest: Digest
    tags: tuple[str, ...]

    def at(self, host: str) -> Repository:
        """Its repository, as seen through a host."""
        from pipeline.model import Repository

        return Repository(host, self.path)


def measure(stand: Stand) -> list[Figure]:
    """The copy alone, the promotion (referrers and tags besides), and the command."""
    home, cold = stand.cold_run
    subject, crane = _subject(json.loads(cold.out)), stand.tool("crane")
    stand.say(f"promotion, {stand.rounds} rounds")
    with counting(subject.host) as proxy:
        ours = {name: _counted(proxy, subject, work) for name, work in _WORKS.items()}
        theirs = {
            name: _counted_crane(proxy, subject, crane, len(subject.tags) if name == "promotion" else 1)
            for name in _WORKS
        }
    copies = _in_process(stand, subject, crane)
    command = _as_command(stand, home, subject, crane)
    left, tags = _left_behind(subject), len(subject.tags)
    what = f"{_IMAGE}, 1 platform, {left} referrers"
    return [
        Figure("copy: requests", *_totals(ours, theirs, "copy"), "crane copy", unit="requests", note=what),
        Figure(
            "promotion: requests",
            *_totals(ours, theirs, "promotion"),
            f"crane copy, crane tag x{tags - 1}",
            unit="requests",
            note=f"{_by_method(ours['promotion'])}; crane: {_by_method(theirs['promotion'])}, and leaves "
            f"{left} referrers behind: signatures, bills of materials, findings",
        ),
        copies,
        command,
    ]


def _subject(result: dict) -> _Subject:
    from pipeline.model import Reference

    image = next(i for i in result["images"] if i["image"] == _IMAGE and i["promoted"])
    reference = Reference.parse(image["pushed"])
    tags = tuple(t.rpartition(":")[2] for t in image["promoted"])
    assert reference.digest
    return _Subject(reference.repository.host, reference.repository.path, reference.digest, tags)


async def _copy(registry: Registry, source: Repository, subject: _Subject, to: Repository) -> None:
    await registry.copy(source, subject.digest, to, tag=subject.tags[0], referrers=False)


async def _promotion(registry: Registry, source: Repository, subject: _Subject, to: Repository) -> None:
    from pipeline.release import perform, plan_promotion

    await perform(registry, await plan_promotion(registry, source, subject.digest, to, subject.tags))


_WORKS: dict[str, Callable] = {"copy": _copy, "promotion": _promotion}


def _fresh(host: str) -> Repository:
    from pipeline.model import Repository

    return Repository(host, f"bench/r{next(_numbers)}")


def _once(host: str, subject: _Subject, work: Callable) -> float:
    """Seconds of the work alone, in a client that has met the registry."""
    import anyio

    from pipeline.registry import Registry

    async def run() -> float:
        async with Registry() as registry:
            await registry.ping(host)
            began = time.perf_counter()
            await work(registry, subject.at(host), subject, _fresh(host))
            return time.perf_counter() - began

    return anyio.run(run)


def _counted(proxy: Counted, subject: _Subject, work: Callable) -> dict[str, int]:
    proxy.take()
    _once(proxy.host, subject, work)
    found = proxy.take()
    found["GET"] -= 1  # the ping
    return dict(found)


def _counted_crane(proxy: Counted, subject: _Subject, crane: Path, tags: int) -> dict[str, int]:
    proxy.take()
    for argv in _crane(crane, proxy.host, subject)[:tags]:
        _run(argv)
    return dict(proxy.take())


def _crane(crane: Path, host: str, subject: _Subject) -> list[list[str]]:
    """A copy under the first tag, then a command for each further tag."""
    to = _fresh(host)
    first, *others = subject.tags
    copied = str(to.tagged(first))
    return [
        [str(crane), "copy", str(subject.at(host).at(subject.digest)), copied],
        *([str(crane), "tag", copied, tag] for tag in others),
    ]


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr[-2000:]}")


def _in_process(stand: Stand, subject: _Subject, crane: Path) -> Figure:
    """Our work without the start of the interpreter: what a run pays for one more image."""
    ours, theirs = [], []
    _once(subject.host, subject, _promotion)
    for _ in range(stand.rounds):
        ours.append(_once(subject.host, subject, _promotion))
        argvs = _crane(crane, subject.host, subject)
        began = time.perf_counter()
        for argv in argvs:
            _run(argv)
        theirs.append(time.perf_counter() - began)
    return Figure(
        "promotion within a run: time",
        statistics.median(ours),
        statistics.median(theirs),
        f"crane copy, crane tag x{len(subject.tags) - 1}",
        spread=(min(ours), max(ours)),
        note="ours in a running program with its referrers; crane's with the start of its processes, without them",
    )


def _as_command(stand: Stand, home: Home, subject: _Subject, crane: Path) -> Figure:
    """`lockage promote` as typed: interpreter, plan, verification of the signature, copy, tags."""
    rounds = stand.rounds + 1  # one to warm up
    project = _project(stand, rounds)
    environments, batches = iter(range(rounds)), partial(_crane, crane, subject.host, subject)
    target = f"{_IMAGE}:{subject.tags[0]}"
    ours = home.command("promote", target, "--from", "first", "--to", "", cwd=project)

    def aim() -> None:
        ours.argv[-1] = f"to{next(environments)}"

    script = stand.scratch / "crane.sh"

    def write() -> None:
        script.write_text("set -e\n" + "".join(" ".join(argv) + " >/dev/null 2>&1\n" for argv in batches()))

    home.command("plan", cwd=project).run()
    found = in_turns(
        {
            "ours": Command(ours.argv, ours.env, ours.cwd, aim),
            "crane": Command(["sh", script], home.env, stand.scratch, write),
        },
        stand.rounds,
    )
    return Figure(
        "lockage promote: time",
        wall(found["ours"]),
        wall(found["crane"]),
        f"crane copy, crane tag x{len(subject.tags) - 1}",
        spread=(min(s.seconds for s in found["ours"]), max(s.seconds for s in found["ours"])),
        note="the whole command, which verifies the signature first and takes the referrers along",
    )


def _project(stand: Stand, environments: int) -> Path:
    """The clone's catalogue with a destination for each round; no repository, so every revision is the same."""
    import shutil

    folder = stand.scratch / "promotions"
    shutil.copytree(stand.clone, folder, ignore=shutil.ignore_patterns(".git"))
    kept = (folder / "lockage.yml").read_text()
    head, tail = kept.partition("environments:\n")[::2]
    _, blank, rest = tail.partition("\n\n")
    made = "".join(f"  - {{name: to{n}, repository: 'bench/to{n}/{{image}}'}}\n" for n in range(environments))
    first = "  - {name: none, repository: 'none/{image}'}\n  - {name: first, repository: 'staging/{image}'}\n"
    (folder / "lockage.yml").write_text(f"{head}environments:\n{first}{made}{blank}{rest}")
    return folder


def _left_behind(subject: _Subject) -> int:
    """How many referrers the index and its children have."""
    import anyio

    from pipeline.registry import Registry

    async def count() -> int:
        async with Registry() as registry:
            repository = subject.at(subject.host)
            manifest = await registry.get_manifest(repository.at(subject.digest))
            assert manifest
            digests = [subject.digest, *(c.digest for c in manifest.children)]
            return sum([len(await registry.referrers(repository, digest)) for digest in digests])

    return anyio.run(count)


def _totals(ours: dict, theirs: dict, name: str) -> tuple[int, int]:
    return sum(ours[name].values()), sum(theirs[name].values())


def _by_method(asked: dict[str, int]) -> str:
    return ", ".join(f"{count} {method}" for method, count in sorted(asked.items()) if count)
