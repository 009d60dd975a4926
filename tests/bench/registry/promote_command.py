"""`lockage promote` as it is typed against crane's commands in a script."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from tests.bench.clock import Command, in_turns, wall
from tests.bench.figures import Figure
from tests.bench.stand import Home, Stand

from .subject import IMAGE, RUN, Subject, crane_commands


def as_command(stand: Stand, home: Home, subject: Subject, crane: Path) -> Figure:
    """`lockage promote` as typed: interpreter, plan, verification of the signature, copy, tags."""
    rounds = stand.rounds + 1  # one to warm up
    project = _project(stand, rounds)
    environments, batches = iter(range(rounds)), partial(crane_commands, crane, subject.host, subject)
    target = f"{IMAGE}:{subject.tags[0]}"
    ours = home.command("promote", target, "--from", "first", "--to", "", cwd=project)

    def aim() -> None:
        ours.argv[-1] = f"to{next(environments)}"

    script = stand.scratch / "crane.sh"

    def write() -> None:
        script.write_text("set -e\n" + "".join(" ".join(argv) + " >/dev/null 2>&1\n" for argv in batches()))

    home.command("plan", cwd=project).run()
    found = in_turns(
        {
            "ours": Command(ours.argv, ours.env, ours.cwd, aim),
            "crane": Command(["sh", script], home.env, stand.scratch, write),
        },
        stand.rounds,
    )
    return Figure(
        "lockage promote: time",
        wall(found["ours"]),
        wall(found["crane"]),
        f"crane copy, crane tag x{len(subject.tags) - 1}",
        spread=(min(s.seconds for s in found["ours"]), max(s.seconds for s in found["ours"])),
        note="the whole command, which verifies the signature first and takes the referrers along",
    )


def _project(stand: Stand, environments: int) -> Path:
    """The clone's catalogue with a destination for each round; no repository, so every revision is the same."""
    folder = stand.scratch / "promotions"
    shutil.copytree(stand.clone, folder, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    kept = (folder / "lockage.yml").read_text()
    head, tail = kept.partition("environments:\n")[::2]
    _, blank, rest = tail.partition("\n\n")
    made = "".join(
        f"  - {{name: to{n}, repository: 'bench/{RUN}/to{n}/{{image}}'}}\n" for n in range(environments)
    )
    first = "  - {name: none, repository: 'none/{image}'}\n  - {name: first, repository: 'staging/{image}'}\n"
    (folder / "lockage.yml").write_text(f"{head}environments:\n{first}{made}{blank}{rest}")
    return folder
