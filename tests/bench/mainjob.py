"""The main job: once from an empty registry, then again with nothing changed and the engine stopped."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .clock import Command, Sample, cpu, in_turns, wall
from .figures import Figure
from .stand import Home, Stand

_LOOK = """
import subprocess, sys
crane, cosign, key, root, *references = sys.argv[1:]
options = ["--key", key, "--trusted-root", root, "--insecure-ignore-tlog", "--allow-http-registry"]
for reference in references:
    subprocess.run([crane, "digest", reference], check=True, stdout=subprocess.DEVNULL)
for reference in [r for r in references if "/dev/" in r]:
    subprocess.run([cosign, "verify", *options, reference], check=True, capture_output=True)
"""


def measure(stand: Stand) -> list[Figure]:
    """Cold once; unchanged in turns with a script that asks crane and cosign whether everything is in place."""
    home, cold = stand.cold_run
    first = json.loads(cold.out)
    home.command("down", "engine").run()
    stand.say(f"the main job with nothing changed, {stand.rounds} rounds")
    found = in_turns(
        {"again": home.command("run", "--json"), "look": _look(stand, home, first), "bare": stand.bare()},
        stand.rounds,
    )
    last = json.loads(found["again"][-1].out)
    written = sum(len(image["written"]) for image in last["images"])
    woken = last["engine_used"] or home.status()["engine"]["state"] == "running"
    targets, tags = len(first["targets"]), len(_references(first))
    summary = f"{targets} targets, {tags} tags, {last['registry_requests']} requests; {written} tags written"
    return [
        Figure(
            "main job, cold",
            cold.seconds,
            cpu=cold.cpu,
            note=f"once; {targets} targets, {first['registry_requests']} requests; lab and caches of tools warm",
        ),
        Figure(
            "main job, unchanged",
            wall(found["again"]),
            wall(found["look"]),
            f"crane digest x{tags}, cosign verify x{len(first['images'])}, in a row",
            goal=1.0,
            absolute=True,
            spread=_spread(found["again"]),
            cpu=cpu(found["again"]),
            peer_cpu=cpu(found["look"]),
            note=f"{summary}; the engine was {'WOKEN' if woken else 'not woken'}",
        ),
        Figure(
            "main job, unchanged: requests",
            last["registry_requests"],
            targets,
            "targets",
            unit="requests",
            note="records, indexes, signatures and tags are looked at; the ratio is requests a target",
        ),
        Figure(
            "main job, unchanged, for scale",
            wall(found["again"]),
            wall(found["bare"]),
            "python -c pass",
            cpu=cpu(found["again"]),
            peer_cpu=cpu(found["bare"]),
        ),
    ]


def _look(stand: Stand, home: Home, first: dict) -> Command:
    root = stand.scratch / "trusted-root.json"
    root.write_text('{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}')
    tools: list[str | Path] = [
        stand.tool("crane"),
        stand.tool("cosign"),
        home.data / "keys" / "cosign.pub",
        root,
    ]
    return Command([sys.executable, "-c", _LOOK, *tools, *_references(first)], home.env, stand.scratch)


def _references(result: dict) -> list[str]:
    """Every tag of the run: the commit's own, then those it was promoted to."""
    out = []
    for image in result["images"]:
        out += [image["reference"].partition("@")[0], *image["promoted"]]
    return out


def _spread(samples: list[Sample]) -> tuple[float, float]:
    return min(s.seconds for s in samples), max(s.seconds for s in samples)
