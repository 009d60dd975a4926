"""The catalogue built from nothing, beside BuildKit with the same Dockerfiles, base and registry."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.clock import Failed
from tests.bench.figures import Figure
from tests.bench.processor import used
from tests.bench.stand import Home, Stand

from .orders import BUILDS, PEER, Image, difference, mirrored, order_like, replace_bases

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
    digests: Mapping[str, tuple[str, str]]  # repository and digest by target

    @property
    def cpu(self) -> float:
        return self.client + self.daemon + self.registry


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A project that both sides build, what it is called in figures, and in names of folders."""

    root: Path
    title: str
    name: str = "cold"


def measure(stand: Stand) -> list[Figure]:
    """This repository's own images."""
    return compare(stand, Catalogue(stand.clone, "the catalogue"), max(2, stand.rounds // 3))


def compare(stand: Stand, catalogue: Catalogue, rounds: int) -> list[Figure]:
    """Each round with an empty registry and empty engines: ours, then the peer."""
    ours: list[_Round] = []
    peer: list[_Round] = []
    unlike: dict[str, str] = {}
    for number in range(1, rounds + 1):
        # BuildKit gives builds no certificates of this machine, so ours has none to give either. Nothing is removed
        # before the end: for minutes after it removed many files, ext4 is slow to make new ones.
        site = {"LOCKAGE_ENGINE": "lab", "LOCKAGE_IMAGES": "lab", "LOCKAGE_CERTIFICATES": "none"}
        home = stand.home(f"{catalogue.name}{number}", **site)
        stand.say(f"cold build, round {number} of {rounds}: lockage build")
        ours.append(_ours(stand, home, catalogue.root))
        home.command("down", "engine").run()
        stand.say(f"cold build, round {number} of {rounds}: BuildKit")
        peer.append(_peer(stand, home, catalogue, ours[-1].digests))
        for target, (_, digest) in ours[-1].digests.items():
            if found := difference(home.host, digest, peer[-1].digests[target]):
                unlike[target] = found
        home.down()
        stand.say(
            f"{ours[-1].seconds:.1f} s ({ours[-1].cpu:.1f} s of processor time), "
            f"BuildKit {peer[-1].seconds:.1f} s ({peer[-1].cpu:.1f} s)"
        )
    return [
        Figure(
            f"cold build of {catalogue.title}",
            median(one.seconds for one in ours),
            median(one.seconds for one in peer),
            f"buildctl build, {_AT_ONCE} at once, push",
            goal=_GOAL,
            spread=_spread(ours),
            cpu=median(one.cpu for one in ours),
            peer_cpu=median(one.cpu for one in peer),
            note=f"the peer {_seconds(_spread(peer))}; processor time {_shares(ours)}, the peer's {_shares(peer)}; "
            + _alike(len(ours[0].digests), unlike),
        ),
        Figure(
            "start of the engine on an empty state",
            median(one.start for one in ours),
            median(one.start for one in peer),
            "buildkitd",
            note="not part of the build; ours with the registry and the filling of its mirror",
        ),
    ]


def _ours(stand: Stand, home: Home, root: Path) -> _Round:
    start = home.command("up").run().seconds
    engine, registry = stand.account(home.pid("engine"), home.sandbox), home.pid("registry")
    before = engine.used(), used(registry)
    done = home.command("build", "--json", "--jobs", str(_AT_ONCE), cwd=root).run()
    daemon, stored = engine.used() - before[0], used(registry) - before[1]
    targets = json.loads(done.out)["targets"]
    statuses = {target["id"]: target["status"] for target in targets}
    if set(statuses.values()) != {"built"}:
        raise Failed(f"not everything was built: {statuses}")
    digests = {target["id"]: (BUILDS, target["digest"]) for target in targets}
    return _Round(done.seconds, done.cpu, daemon, stored, start, digests)


def _peer(stand: Stand, home: Home, catalogue: Catalogue, ours: Mapping[str, tuple[str, str]]) -> _Round:
    from .buildkit import Peer, running

    registry, host = home.pid("registry"), home.host
    targets = json.loads(home.command("plan", "--json", cwd=catalogue.root).run().out)["targets"]
    folder = stand.scratch / f"{home.folder.name}-peer"
    contexts = folder.with_name(f"{folder.name}-contexts")
    home.command("generate", "--output", str(contexts), cwd=catalogue.root).run()
    images = {target: Image.fetch(host, *where) for target, where in ours.items()}

    def build(
        peer: Peer, target: dict[str, Any], digests: Mapping[str, tuple[str, str]]
    ) -> tuple[str, float]:
        context = contexts / target["image"] / target["tag"]
        replace_bases(
            context / "Dockerfile", {base["name"]: _base(base, host, digests) for base in target["bases"]}
        )
        order = order_like(images[target["id"]], target, f"{host}/{PEER}")
        built = peer.build(context, order)
        return built.digest, built.sample.cpu

    with running(folder, int(host.rpartition(":")[2]), home.env) as peer:
        account = stand.account(peer.pid, peer.sandbox)
        before = account.used(), used(registry)
        began = time.perf_counter()
        client, digests = _in_order(targets, lambda target, digests: build(peer, target, digests))
        seconds = time.perf_counter() - began
        daemon, stored = account.used() - before[0], used(registry) - before[1]
        return _Round(seconds, client, daemon, stored, peer.started, digests)


def _in_order(targets: list[dict[str, Any]], build: Any) -> tuple[float, dict[str, tuple[str, str]]]:
    """Every target as soon as its bases are pushed, two at once; the clients' processor time, and what was pushed."""
    digests: dict[str, tuple[str, str]] = {}
    waiting, running, cpu = list(targets), dict[Future[tuple[str, float]], str](), 0.0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while waiting or running:
            for target in list(waiting):
                bases = [base["target"] for base in target["bases"] if base["kind"] == "internal"]
                if digests.keys() >= set(bases):
                    waiting.remove(target)
                    running[pool.submit(build, target, dict(digests))] = target["id"]
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                digest, share = done.result()
                digests[running.pop(done)] = PEER, digest
                cpu += share
    return cpu, digests


def _base(base: Mapping[str, Any], host: str, digests: Mapping[str, tuple[str, str]]) -> str:
    if base["kind"] == "internal":
        repository, digest = digests[base["target"]]
        return f"{host}/{repository}@{digest}"
    return mirrored(base["reference"], host)


def _alike(count: int, unlike: Mapping[str, str]) -> str:
    if not unlike:
        return f"all {count} digests are the peer's"
    return "; ".join(f"{target} is not the peer's: {how}" for target, how in sorted(unlike.items()))


def _spread(rounds: list[_Round]) -> tuple[float, float]:
    return min(one.seconds for one in rounds), max(one.seconds for one in rounds)


def _seconds(spread: tuple[float, float]) -> str:
    return f"{spread[0]:.1f} to {spread[1]:.1f} s"


def _shares(rounds: list[_Round]) -> str:
    parts = {name: median(getattr(one, name) for one in rounds) for name in ("client", "daemon", "registry")}
    return ", ".join(f"{name} {value:.1f} s" for name, value in parts.items())
