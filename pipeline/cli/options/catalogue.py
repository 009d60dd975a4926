"""The catalogue alone: plan, generate, graph, lock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .common import command, locked, snapshot, targets


def add(commands: Any) -> None:
    """Register the commands of this group."""
    plan = command(commands, "plan", "plan:plan", "what there is to build: targets, bases, tags, keys")
    targets(plan)
    why = plan.add_mutually_exclusive_group()
    why.add_argument(
        "--explain", metavar="ID", help="why each value of this target is what it is, and where from"
    )
    why.add_argument(
        "--explain-path", metavar="PATH", help="which level of rootfs/ won this path, which lost it"
    )
    plan.add_argument(
        "--since-build",
        action="store_true",
        help="with --explain: also what is new since it was last built, as the registry remembers",
    )
    generate = command(commands, "generate", "plan:generate", "write Dockerfiles, tests and rootfs to dist/")
    targets(generate)
    generate.add_argument("--check", action="store_true", help="say what would change, and write nothing")
    generate.add_argument(
        "--output", metavar="DIR", type=Path, default=Path("dist"), help="folder (default: dist)"
    )
    graph = command(commands, "graph", "plan:graph", "what stands on what")
    targets(graph)
    graph.add_argument("--format", choices=("text", "json", "dot", "mermaid"), default="text")
    for parser in (plan, generate, graph):
        locked(parser)
        snapshot(parser)
    lock = command(commands, "lock", "lock:lock", "pin external bases and tools by digest in lockage.lock")
    lock.add_argument(
        "--check", action="store_true", help="say what is missing or has moved, and write nothing"
    )
