"""The catalogue built from nothing, beside BuildKit with the same Dockerfiles, base and registry."""

from __future__ import annotations

import json
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from .clock import Failed
from .figures import Figure
from .processor import used
from .stand import Home, Stand

_GOAL = 1.1
_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class _Round:
    """One build of everything: seconds on the wall, and of processor time by client, daemon and registry."""

    seconds: float
    client: float
    daemon: float
    registry: float
    start: float  # of the daemon, before

    @property
    def cpu(self) -> float:
        return self.client + self.daemon + self.registry


def measure(stand: Stand) -> list[Figure]:
    """Each round with an empty registry and empty engines: ours, then the peer; at least two rounds."""
    rounds = max(2, stand.rounds // 3)
    ours: list[_Round] = []
    peer: list[_Round] = []
    for number in range(1, rounds + 1):
        # BuildKit gives builds no certificates of this machine, so ours has none to give either. Nothing is removed
        # before the end: for minutes after it removed many files, ext4 is slow to make new ones.
        site = {"LOCKAGE_ENGINE": "lab", "LOCKAGE_IMAGES": "lab", "LOCKAGE_CERTIFICATES": "none"}
        home = stand.home(f"cold{number}", **site)
        stand.say(f"cold build, round {number} of {rounds}: lockage build")
        ours.append(_ours(home))
        home.command("down", "engine").run()
        stand.say(f"cold build, round {number} of {rounds}: BuildKit")
        peer.append(_peer(stand, home, f"peer{number}"))
        home.down()
        stand.say(
            f"{ours[-1].seconds:.1f} s ({ours[-1].cpu:.1f} s of processor time), "
            f"BuildKit {peer[-1].seconds:.1f} s ({peer[-1].cpu:.1f} s)"
        )
    return [
        Figure(
            "cold build of the catalogue",
            median(one.seconds for one in ours),
            median(one.seconds for one in peer),
            f"buildctl build, {_AT_ONCE} at once, push",
            goal=_GOAL,
            spread=_spread(ours),
            cpu=median(one.cpu for one in ours),
            peer_cpu=median(one.cpu for one in peer),
            note=f"the peer {_seconds(_spread(peer))}; processor time {_shares(ours)}, the peer's {_shares(peer)}",
        ),
        Figure(
            "start of the engine on an empty state",
            median(one.start for one in ours),
            median(one.start for one in peer),
            "buildkitd",
            note="not part of the build; ours with the registry and the filling of its mirror",
        ),
    ]


def _ours(home: Home) -> _Round:
    start = home.command("up").run().seconds
    engine, registry = _pid(home, "engine"), _pid(home, "registry")
    before = used(engine), used(registry)
    done = home.command("build", "--json", "--jobs", str(_AT_ONCE)).run()
    statuses = {target["id"]: target["status"] for target in json.loads(done.out)["targets"]}
    if set(statuses.values()) != {"built"}:
        raise Failed(f"not everything was built: {statuses}")
    return _Round(done.seconds, done.cpu, used(engine) - before[0], used(registry) - before[1], start)


def _peer(stand: Stand, home: Home, name: str) -> _Round:
    from .buildkit import Peer, running

    registry = _pid(home, "registry")
    targets = json.loads(home.command("plan", "--json").run().out)["targets"]
    contexts = stand.scratch / f"{name}-contexts"
    home.command("generate", "--output", str(contexts)).run()
    host = json.loads((home.data / "site.json").read_text())["registry"]

    def build(peer: Peer, target: dict[str, Any], digests: dict[str, str]) -> tuple[str, float]:
        folder = contexts / target["image"] / target["tag"]
        bases = {base["name"]: _base(base, host, digests) for base in target["bases"]}
        _replace(folder / "Dockerfile", bases)
        image = f"{host}/peer/{target['image']}"
        options = {"platform": target["platform"]}
        options |= {f"label:{key}": value for key, value in target["labels"].items()}
        built = peer.build(folder, f"{image}:{target['tag']}", options)
        return f"{image}@{built.digest}", built.sample.cpu

    with running(stand.scratch / name, int(host.rpartition(":")[2]), home.env) as peer:
        before = used(peer.pid), used(registry)
        began = time.perf_counter()
        client = _in_order(targets, lambda target, digests: build(peer, target, digests))
        seconds = time.perf_counter() - began
        daemon, stored = used(peer.pid) - before[0], used(registry) - before[1]
        start = peer.started
    return _Round(seconds, client, daemon, stored, start)


def _in_order(targets: list[dict[str, Any]], build: Any) -> float:
    """Every target as soon as its bases are pushed, two at once; the clients' processor time."""
    digests: dict[str, str] = {}
    waiting, running, cpu = list(targets), dict[Future[tuple[str, float]], str](), 0.0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while waiting or running:
            for target in list(waiting):
                bases = [base["target"] for base in target["bases"] if base["kind"] == "internal"]
                if digests.keys() >= set(bases):
                    waiting.remove(target)
                    running[pool.submit(build, target, digests)] = target["id"]
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                digests[running.pop(done)], share = done.result()
                cpu += share
    return cpu


def _base(base: dict[str, Any], host: str, digests: dict[str, str]) -> str:
    if base["kind"] == "internal":
        return digests[base["target"]]
    name, _, digest = base["reference"].partition("@")
    return f"{host}/mirror/{name.rpartition(':')[0]}@{digest}"


def _replace(dockerfile: Path, bases: dict[str, str]) -> None:
    """FROM by digest, at the registry of this round."""
    lines = dockerfile.read_text().splitlines()
    for number, line in enumerate(lines):
        word, _, name = line.partition(" ")
        if word == "FROM":
            lines[number] = f"FROM {bases[name]}"
    dockerfile.write_text("\n".join(lines) + "\n")


def _pid(home: Home, daemon: str) -> int:
    return int(json.loads((home.data / f"{daemon}.pid").read_text())["pid"])


def _spread(rounds: list[_Round]) -> tuple[float, float]:
    return min(one.seconds for one in rounds), max(one.seconds for one in rounds)


def _seconds(spread: tuple[float, float]) -> str:
    return f"{spread[0]:.1f} to {spread[1]:.1f} s"


def _shares(rounds: list[_Round]) -> str:
    parts = {name: median(getattr(one, name) for one in rounds) for name in ("client", "daemon", "registry")}
    return ", ".join(f"{name} {value:.1f} s" for name, value in parts.items())
