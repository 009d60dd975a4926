"""Running git to read a repository: with messages in English, and without touching its index."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from pipeline.errors import EnvironmentProblem


class GitMissing(EnvironmentProblem):
    """The program git cannot be started."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"cannot run git: {error.strerror}", hint="--changed-files-from needs no git")


def run_git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder to its end, whatever its exit code. Raises GitMissing."""
    try:
        return subprocess.run(
            _command(root, *arguments), capture_output=True, env=_environment(), check=False
        )
    except OSError as error:
        raise GitMissing(error) from None


def start_git(root: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start git in a folder, with pipes to and from it. Raises GitMissing."""
    try:
        return subprocess.Popen(
            _command(root, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        )
    except OSError as error:
        raise GitMissing(error) from None


def _command(root: Path, *arguments: str) -> list[str]:
    return ["git", "-C", str(root), "--no-optional-locks", *arguments]


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}
