"""The engine and the registry of this user: up, down, status, env."""

from __future__ import annotations

from typing import Any

from .common import command


def add(commands: Any) -> None:
    """Register the commands of this group."""
    for name, text in {
        "up": "start the engine and the registry, or one of them",
        "down": "stop them; what they hold is kept",
        "status": "which way engine and registry run, and how they are",
    }.items():
        daemon = command(commands, name, f"instance:{name}", text)
        daemon.add_argument("daemon", nargs="?", choices=("engine", "registry"), help="only this one")
        if name == "down":
            daemon.add_argument("--force", action="store_true", help="although a run uses them")
    env = command(commands, "env", "instance:env", "variables for the dagger CLI, as shell exports")
    env.set_defaults(shell=True)
