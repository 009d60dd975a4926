"""Single builds on warm daemons beside BuildKit: a large layer, a sparse file, and a rebuild after a one-line edit."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.clock import Command, Failed
from tests.bench.figures import Figure
from tests.bench.processor import Account, used
from tests.bench.stand import Home, Stand

from .buildkit import Peer, running
from .orders import BUILDS, PEER, Image, difference, mirrored, order_like, replace_bases

_GOAL = 1.1
_MEMORY = 100.0  # MiB
_PROJECT = """\
version: 1
project: building
registry: embedded
platforms: [linux/amd64]
bases: [docker.io/library/debian:bookworm-slim]
tools: {buildkit: "docker.io/moby/buildkit:v0.32.2"}
"""
_IMAGE = "title: {name}\nversions: {{round: '0'}}\ntags: [1.0.0]\n"
_LARGE = """\
FROM docker.io/library/debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends openssl \\
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/* /var/log/apt /var/log/dpkg.log \\
        /var/log/alternatives.log
RUN openssl enc -aes-128-ctr -nosalt -pbkdf2 -pass pass:{{ versions.round }} -in /dev/zero 2>/dev/null \\
    | head -c 1073741824 > /large
"""
_SPARSE = """\
FROM docker.io/library/debian:bookworm-slim
RUN truncate -s 9G /sparse && echo {{ versions.round }} > /round
"""
# The most memory of the program itself, and of the largest process that it waits for: the engine's client, or the one
# that derives the key of the signing key's box, which takes 64 MiB for a fifth of a second.
_PROGRAM = """\
import atexit, resource, sys
place = sys.argv.pop(1)
most = [resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN]
atexit.register(lambda: open(place, "w").write(" ".join(str(resource.getrusage(who).ru_maxrss) for who in most)))
from pipeline.cli import main
sys.exit(main())
"""


@dataclass(frozen=True, slots=True)
class _Case:
    """A target, the edit that makes a build of it necessary, and how often it is measured."""

    what: str
    image: str
    tag: str
    edit: Callable[[Path, int], None]
    rounds: int
    warm: bool = True  # whether a round that does not count comes first


@dataclass(slots=True)
class _Side:
    """Seconds on the clock and of processor time, by round."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def measure(stand: Stand) -> list[Figure]:
    """Each case in turns: ours, the peer. A round to warm both up, of another edit, comes before those that count."""
    project = _project(stand)
    site = {"LOCKAGE_ENGINE": "lab", "LOCKAGE_IMAGES": "lab", "LOCKAGE_CERTIFICATES": "none"}
    home = stand.home("building", **site)
    home.command("up", cwd=project).run()
    home.command("build", "base", "--json", cwd=project).run()
    rounds = max(1, stand.rounds // 3)
    cases = [
        _Case("rebuild after a one-line edit of the last RUN", "python", "3.11.2", _edit_python, rounds),
        _Case("a layer of 1 GiB that does not compress", "large", "1.0.0", _edit_version, max(1, rounds - 1)),
        _Case("a sparse file of 9 GiB", "sparse", "1.0.0", _edit_version, 1, warm=False),
    ]
    port = int(home.host.rpartition(":")[2])
    with running(stand.scratch / "peer", port, home.env) as peer:
        engine = stand.account(home.pid("engine"), home.sandbox)
        bench = _Bench(stand, home, project, peer, engine, stand.account(peer.pid, peer.sandbox))
        return [figure for case in cases for figure in bench.measure(case)]


@dataclass(frozen=True, slots=True)
class _Bench:
    stand: Stand
    home: Home
    project: Path
    peer: Peer
    engine: Account
    account: Account  # the peer's

    def measure(self, case: _Case) -> list[Figure]:
        ours, theirs, memory, unlike = _Side(), _Side(), list[tuple[float, float]](), set[str]()
        for number in range(0 if case.warm else 1, case.rounds + 1):
            case.edit(self.project / "images" / case.image, number)
            self.stand.say(
                f"{case.what}, round {number} of {case.rounds}" if number else f"{case.what}, to warm up"
            )
            mine, used_by_us, most = self._ours(case)
            other, used_by_peer = self._peer(case, mine)
            if how := difference(self.home.host, mine, (PEER, other)):
                unlike.add(how)
            self.stand.say(
                f"{used_by_us[0]:.1f} s (cpu {used_by_us[1]:.1f} s, {most[0]:.0f} MiB), "
                f"BuildKit {used_by_peer[0]:.1f} s (cpu {used_by_peer[1]:.1f} s)"
            )
            if number:
                memory.append(most)
                for side, sample in ((ours, used_by_us), (theirs, used_by_peer)):
                    side.seconds.append(sample[0])
                    side.cpu.append(sample[1])
        digests = f"not the peer's digest: {', '.join(sorted(unlike))}" if unlike else "the peer's digest"
        return [
            Figure(
                case.what,
                median(ours.seconds),
                median(theirs.seconds),
                "buildctl build, push",
                goal=_GOAL,
                spread=(min(ours.seconds), max(ours.seconds)),
                cpu=median(ours.cpu),
                peer_cpu=median(theirs.cpu),
                note=digests,
            ),
            Figure(
                f"{case.what}: memory",
                max(own for own, _ in memory),
                unit="MiB",
                goal=_MEMORY,
                absolute=True,
                note=f"its largest child: {max(child for _, child in memory):.0f} MiB",
            ),
        ]

    def _ours(self, case: _Case) -> tuple[str, tuple[float, float], tuple[float, float]]:
        """The digest; seconds on the clock and of processor time; the most memory in MiB of the program and of its
        largest child."""
        place = self.stand.scratch / "memory"
        registry = self.home.pid("registry")
        command = [sys.executable, "-c", _PROGRAM, place, "build", f"{case.image}:{case.tag}", "--json"]
        before = self.engine.used() + used(registry)
        done = Command(command, self.home.env, self.project).run()
        cpu = done.cpu + self.engine.used() + used(registry) - before
        [target] = (t for t in json.loads(done.out)["targets"] if t["image"] == case.image)
        if target["status"] != "built":
            raise Failed(f"{target['id']} is {target['status']}")
        own, child = (int(size) / 1024 for size in place.read_text().split())
        return target["digest"], (done.seconds, cpu), (own, child)

    def _peer(self, case: _Case, ours: str) -> tuple[str, tuple[float, float]]:
        """The digest; seconds on the clock and of processor time."""
        host, registry = self.home.host, self.home.pid("registry")
        plan = json.loads(self.home.command("plan", "--json", cwd=self.project).run().out)["targets"]
        target = next(t for t in plan if (t["image"], t["tag"]) == (case.image, case.tag))
        image = Image.fetch(host, BUILDS, ours)
        contexts = self.stand.scratch / "contexts"
        self.home.command("generate", "--output", str(contexts), cwd=self.project).run()
        folder = contexts / case.image / case.tag
        replace_bases(folder / "Dockerfile", {b["name"]: _base(b, host, image) for b in target["bases"]})
        before = self.account.used() + used(registry)
        began = time.perf_counter()
        built = self.peer.build(folder, order_like(image, target, f"{host}/{PEER}"))
        seconds = time.perf_counter() - began
        cpu = built.sample.cpu + self.account.used() + used(registry) - before
        return built.digest, (seconds, cpu)


def _base(base: dict[str, Any], host: str, image: Image) -> str:
    """The same base for both, where ours has it."""
    if base["kind"] == "internal":
        return f"{host}/{BUILDS}@{image.manifest['annotations']['org.opencontainers.image.base.digest']}"
    return mirrored(base["reference"], host)


def _project(stand: Stand) -> Path:
    """The catalogue's base and python, and two images more, in no repository of git."""
    project = stand.scratch / "building-project"
    project.mkdir()
    (project / "lockage.yml").write_text(_PROJECT)
    for name in ("base", "python"):
        shutil.copytree(stand.clone / "images" / name, project / "images" / name, symlinks=True)
    for name, dockerfile in (("large", _LARGE), ("sparse", _SPARSE)):
        folder = project / "images" / name
        folder.mkdir()
        (folder / "image.yml").write_text(_IMAGE.format(name=name))
        (folder / "Dockerfile.tmpl").write_text(dockerfile)
    return project


def _edit_version(image: Path, number: int) -> None:
    (image / "image.yml").write_text(_IMAGE.format(name=image.name).replace("'0'", f"'{number}'"))


def _edit_python(image: Path, number: int) -> None:
    """The last line of its RUN."""
    template = image / "Dockerfile.tmpl"
    lines = template.read_text().splitlines()
    last = next(n for n, line in enumerate(lines) if "-name '*.pypy*.pyc' -delete" in line)
    lines[last] = lines[last].partition(" # ")[0].rstrip() + f" # edit {number}"
    template.write_text("\n".join(lines) + "\n")
