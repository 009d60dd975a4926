"""The commit a run stands on, read with git; a folder that is no repository is a revision without a name."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.policy import Revision


def read_revision(root: Path, environment: Mapping[str, str]) -> Revision:
    """HEAD, its commit time, and whether the work tree differs from it; SOURCE_DATE_EPOCH overrides the time.

    Raises UsageError for an impossible SOURCE_DATE_EPOCH.
    """
    head = _git(root, "log", "-1", "--format=%H %ct")
    sha, _, moment = head.partition(" ")
    epoch = environment.get("SOURCE_DATE_EPOCH", "")
    if epoch and not epoch.isdecimal():
        raise UsageError(f"SOURCE_DATE_EPOCH={epoch[:40]!r} is not a number of seconds")
    dirty = bool(sha) and bool(_git(root, "status", "--porcelain", "--untracked-files=normal", "--", "."))
    return Revision(sha, dirty, int(epoch or moment or 0))


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
