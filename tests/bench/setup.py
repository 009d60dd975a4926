"""Engine and registry: up from a fresh home with every tool in the cache, up when up, down, up again."""

from __future__ import annotations

from .clock import Command, Sample, cpu, wall
from .figures import Figure
from .stand import Stand


def measure(stand: Stand) -> list[Figure]:
    """A fresh home each round; a third of the usual rounds, for each takes seconds."""
    rounds = max(1, stand.rounds // 3)
    stand.say(f"set-up with a warm cache, {rounds} rounds")
    home = stand.home("setup")
    up = home.command("up", cwd=stand.scratch)
    steps: dict[str, Command] = {
        "up, fresh home and warm cache": home.command("up", cwd=stand.scratch, before=home.forget),
        "up, when it is up": up,
        "status": home.command("status", cwd=stand.scratch),
        "down": home.command("down", cwd=stand.scratch),
        "up, after down": up,
    }
    found: dict[str, list[Sample]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            found[name].append(step.run())
    home.down()
    notes = {
        "up, fresh home and warm cache": "engine and registry answer, the mirror is filled",
        "up, after down": "the mirror is still there",
    }
    return [
        Figure(
            name,
            wall(samples),
            spread=(min(s.seconds for s in samples), max(s.seconds for s in samples)),
            cpu=cpu(samples),
            note=notes.get(name, ""),
        )
        for name, samples in found.items()
    ]
