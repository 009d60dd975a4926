"""How long the program takes to begin, in units of an interpreter that does nothing."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from .clock import Command, Sample, cpu, in_turns, wall
from .figures import Figure
from .stand import ROOT, Stand

_BARE = "python -c pass"


def measure(stand: Stand) -> list[Figure]:
    """`--help` and `plan`, the latter cached and from scratch; the engine's library for scale."""
    stand.say(f"start-up, {stand.rounds} rounds")
    kept, empty = stand.scratch / "cache", stand.scratch / "cache-of-nothing"
    home = stand.home("startup", LOCKAGE_CACHE=str(kept))
    fresh = stand.home("fresh", LOCKAGE_CACHE=str(empty))
    commands = {
        "bare": stand.bare(),
        "help": home.command("--help"),
        "plan": home.command("plan"),
        "anew": fresh.command("plan", before=lambda: shutil.rmtree(empty, ignore_errors=True)),
        "clone": Command([ROOT / "lockage", "--help"], home.env, stand.scratch),
        "dagger": Command([sys.executable, "-c", "import dagger"], stand.env, stand.scratch),
    }
    found = in_turns(commands, stand.rounds)
    bare = found["bare"]
    return [
        _figure("lockage --help", found["help"], bare, 8, "bytecode compiled on both sides"),
        _figure("lockage plan", found["plan"], bare, 16, _kept(kept)),
        _figure(
            "lockage plan, from scratch",
            found["anew"],
            bare,
            None,
            "nothing cached: pydantic, PyYAML and jinja2 work",
        ),
        _figure(
            "./lockage --help in a clone", found["clone"], bare, None, "with the check of the environment"
        ),
        _figure("import dagger, for scale", found["dagger"], bare, None, "what neither of them does"),
    ]


def _figure(what: str, samples: list[Sample], bare: list[Sample], goal: float | None, note: str) -> Figure:
    spread = min(s.seconds for s in samples), max(s.seconds for s in samples)
    return Figure(
        what,
        wall(samples),
        wall(bare),
        _BARE,
        goal=goal,
        spread=spread,
        cpu=cpu(samples),
        peer_cpu=cpu(bare),
        note=note,
    )


def _kept(cache: Path) -> str:
    there = any((cache / "plans").glob("*.json"))
    return (
        "read back from what an earlier command kept"
        if there
        else "from scratch: no earlier command cached it"
    )
