"""The catalogue through the whole chain from nothing, beside a shell's worth of the same tools' own programs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from tests.bench.clock import Failed
from tests.bench.figures import Figure
from tests.bench.processor import used
from tests.bench.stand import Home, Stand

from .glue import Glue, Sequence, TwoAtOnce

_GOAL, _GOAL_AT_ONCE = 0.9, 1.1
_SITE = {"LOCKAGE_ENGINE": "lab", "LOCKAGE_IMAGES": "lab", "LOCKAGE_CERTIFICATES": "none"}


def measure(stand: Stand) -> list[Figure]:
    """Each round with an empty registry and empty engines: ours, the tools in sequence, the tools two at a time."""
    rounds = max(1, stand.rounds // 5)
    found: dict[str, list[tuple[float, float]]] = {"ours": [], "sequence": [], "at once": []}
    targets = tags = 0
    for number in range(1, rounds + 1):
        home = stand.home(f"chain{number}", **_SITE)
        stand.say(f"chain, round {number} of {rounds}: lockage run")
        result, *ours = _ours(stand, home)
        found["ours"].append((ours[0], ours[1]))
        targets, tags = len(result["targets"]), sum(len(image["promoted"]) + 1 for image in result["images"])
        home.command("down", "engine").run()
        for name, order in (("sequence", Sequence()), ("at once", TwoAtOnce())):
            stand.say(f"chain, round {number} of {rounds}: the tools themselves, {name}")
            with Glue.running(stand, home, f"{name.replace(' ', '')}{number}", result) as glue:
                found[name].append(_timed(glue.used, lambda glue=glue, order=order: order.run(glue)))
        home.down()
        stand.say(
            "; ".join(
                f"{name} {pairs[-1][0]:.1f} s (cpu {pairs[-1][1]:.1f} s)" for name, pairs in found.items()
            )
        )
    clock = {name: median(pair[0] for pair in pairs) for name, pairs in found.items()}
    cpu = {name: median(pair[1] for pair in pairs) for name, pairs in found.items()}
    spread = min(pair[0] for pair in found["ours"]), max(pair[0] for pair in found["ours"])
    note = f"{targets} targets, {tags} tags; buildctl, crane, trivy, syft, container-structure-test, cosign"
    return [
        Figure(
            f"the catalogue through the chain, beside the tools {name}",
            clock["ours"],
            clock[key],
            f"the same tools' programs, {name}",
            goal=goal,
            spread=spread,
            cpu=cpu["ours"],
            peer_cpu=cpu[key],
            note=note,
        )
        for name, key, goal in (
            ("in sequence", "sequence", _GOAL),
            ("two images at a time", "at once", _GOAL_AT_ONCE),
        )
    ]


def _ours(stand: Stand, home: Home) -> tuple[Mapping[str, Any], float, float]:
    home.command("up").run()
    engine, registry = stand.account(home.pid("engine"), home.sandbox), home.pid("registry")
    before = engine.used() + used(registry)
    done = home.command("run", "--json", "--jobs", "2").run()
    result = json.loads(done.out)
    if statuses := {target["status"] for target in result["targets"]} - {"built"}:
        raise Failed(f"not everything was built: {statuses}")
    return result, done.seconds, done.cpu + engine.used() + used(registry) - before


def _timed(processor: Callable[[], float], work: Callable[[], None]) -> tuple[float, float]:
    before, began = processor(), time.perf_counter()
    work()
    return time.perf_counter() - began, processor() - before
