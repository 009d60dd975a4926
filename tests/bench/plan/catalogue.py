"""A catalogue of 1,000 images and 5,000 targets: planned, planned again, looked through for a change, written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from tests.bench.clock import Command, Sample, cpu, in_turns, wall
from tests.bench.figures import Figure
from tests.bench.stand import Home, Stand

from . import large

_TARGETS = 5000
_BAKE = "docker buildx bake --print"


def measure(stand: Stand) -> list[Figure]:
    """Each command as a whole process, its output thrown away; buildx on a bake file of the same targets."""
    from .buildx import BUILDX

    root = stand.scratch / "large"
    large.write(root)
    _commit(root)
    home = stand.home("large", LOCKAGE_CACHE=str(stand.scratch / "large-cache"))
    plan = json.loads(home.command("plan", "--json", cwd=root).run().out)
    if len(plan["targets"]) != _TARGETS:
        raise AssertionError(f"{len(plan['targets'])} targets, {_TARGETS} were meant")
    home.command("generate", cwd=root).run()
    (root / "bake.json").write_text(large.bake_file(plan, "dist"))
    stand.say(f"catalogue of {_TARGETS} targets, {stand.rounds} rounds")
    found = in_turns(_commands(stand, home, root), stand.rounds)
    found["bake"] = [_bake(stand, root, stand.tool(BUILDX)).run() for _ in range(min(2, stand.rounds))]
    _same_targets(found["bake"][-1])
    return [
        _figure(
            "plan --json, from scratch",
            found["cold"],
            found["bake"],
            1.5,
            "nothing cached: each outline of templates is compiled",
        ),
        _figure("plan --json, unchanged", found["kept"], found["bake"], 0.4, "read back from the cache"),
        _figure("plan --json --affected HEAD, one file changed", found["affected"], found["bake"], 0.5, ""),
        _figure("generate --check, nothing to do", found["check"], None, 1.0, "every file of dist/ is read"),
        *(_memory(name, found[key]) for name, key in (("from scratch", "cold"), ("unchanged", "kept"))),
    ]


def _bake(stand: Stand, root: Path, buildx: Path) -> Command:
    argv = [buildx, "bake", "--file", root / "bake.json", "--print"]
    return Command(argv, stand.env | {"BUILDX_CONFIG": str(stand.scratch / "buildx")}, root)


def _commands(stand: Stand, home: Home, root: Path) -> dict[str, Command]:
    empty = stand.scratch / "large-nothing"
    fresh = stand.home("large-fresh", LOCKAGE_CACHE=str(empty))
    template = root / "images" / "image0501" / "Dockerfile.tmpl"
    before = template.read_text()
    changes = count()

    def change() -> None:  # never twice the same, or the changed plan would be there already
        template.write_text(f"{before}# change {next(changes)}\n")

    def restore() -> None:
        template.write_text(before)

    return {
        "cold": fresh.command(
            "plan", "--json", cwd=root, before=lambda: shutil.rmtree(empty, ignore_errors=True)
        ),
        "kept": home.command("plan", "--json", cwd=root),
        "check": home.command("generate", "--check", cwd=root),
        "affected": home.command("plan", "--json", "--affected", "HEAD", cwd=root, before=change),
        "restored": Command([sys.executable, "-c", "pass"], stand.env, root, restore),
    }


def _commit(root: Path) -> None:
    git = ["git", "-C", str(root), "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    (root / ".gitignore").write_text("dist/\nbake.json\n")
    for argv in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "large"]):
        subprocess.run([*git, *argv], check=True)


def _same_targets(bake: Sample) -> None:
    found = len(json.loads(bake.out)["target"])
    if found != _TARGETS:
        raise AssertionError(f"the bake file has {found} targets, {_TARGETS} were meant")


def _figure(
    what: str, samples: Sequence[Sample], peer: Sequence[Sample] | None, goal: float, note: str
) -> Figure:
    return Figure(
        what,
        wall(samples),
        wall(peer) if peer else None,
        _BAKE if peer else "",
        goal=goal,
        absolute=True,
        spread=(min(s.seconds for s in samples), max(s.seconds for s in samples)),
        cpu=cpu(samples),
        peer_cpu=cpu(peer) if peer else None,
        note=note,
    )


def _memory(what: str, samples: Sequence[Sample]) -> Figure:
    most = max(s.memory for s in samples)
    return Figure(f"plan --json, {what}: memory", round(most), unit="MiB", goal=200, absolute=True)
