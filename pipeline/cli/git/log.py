"""The commits between two others, as git has them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.report.notes.commits import Commit

from .command import GitRepository
from .errors import GitMissing, NoRepository

_MOST = 1000


def commits_between(
    root: Path, environ: Mapping[str, str], before: str, commit: str
) -> tuple[Commit, ...] | None:
    """The commits that a folder got after `before`, up to and with `commit`, the newest first; None where git does not
    have them, as in a shallow clone. Raises EnvironmentProblem where git fails otherwise."""
    try:
        repository = GitRepository.of(root, environ)
    except (GitMissing, NoRepository):
        return None
    for one in (before, commit):
        if repository.run("cat-file", "-e", f"{one}^{{commit}}").code != 0:
            return None
    text = os.fsdecode(
        repository.output(
            "log",
            "-z",
            f"--max-count={_MOST}",
            "--no-merges",
            "--format=%H%n%s%n%b",
            f"{before}..{commit}",
            "--",
            ".",
        )
    )
    commits = []
    for entry in filter(None, text.split("\0")):
        id, subject, body = (*entry.split("\n", 2), "", "")[:3]
        commits.append(Commit(id, subject, body))
    return tuple(commits)
