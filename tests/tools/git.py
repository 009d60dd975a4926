"""Checkouts for tests."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

_AUTHOR = ("-c", "user.name=t", "-c", "user.email=t@example.org")


def git(root: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run git in a folder; gives what it printed."""
    command = ["git", "-C", str(root), *_AUTHOR, *arguments]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()


def commit(root: Path, message: str = "a change") -> str:
    """Commit everything in a folder, which becomes a repository where it is none; gives the commit's id."""
    if not (root / ".git").exists():
        git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(root, "rev-parse", "HEAD")


def clone(source: Path, target: Path) -> Path:
    """A fresh clone of what is committed."""
    subprocess.run(["git", "clone", "--quiet", str(source), str(target)], check=True)
    return target
