"""Why a repository cannot be read, in git's words, and the remedy."""

from __future__ import annotations

import shlex
from pathlib import Path

from pipeline.errors import EnvironmentProblem, UsageError


class GitMissing(EnvironmentProblem):
    """The program git cannot be started."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"cannot run git: {reason}",
            hint="install git; --changed-files-from needs no git where a commit is named",
        )


class NoRepository(UsageError):
    """A folder is in no repository."""


class RepositoryRefused(UsageError):
    """A folder is in a repository that git may not read, or cannot."""

    @classmethod
    def by_git(cls, folder: Path, top: Path, words: str) -> RepositoryRefused:
        """What git printed when it refused a folder whose work tree is `top`."""
        return cls(
            f"git refuses {folder.absolute()}: {_reason(words)}",
            hint=_remedy(top, words),
            detail=words[-2000:] or None,
        )


class GitFailed(EnvironmentProblem):
    """A command of git failed in a repository that it may read."""

    def __init__(self, command: str, top: Path, words: str) -> None:
        super().__init__(
            f"git {command} failed in {top}: {_reason(words)}",
            hint="`git fsck` checks whether the repository is intact; `git fetch --refetch --no-filter` completes a "
            "partial clone",
            detail=words[-2000:] or None,
        )


def _remedy(top: Path, words: str) -> str:
    if "dubious ownership" in words:
        return (
            f"git config --global --add safe.directory {shlex.quote(str(top))}, if you trust its owner; "
            "GIT_CONFIG_COUNT=1, GIT_CONFIG_KEY_0 and GIT_CONFIG_VALUE_0 do the same for one job"
        )
    if "not a git repository" in words:
        return (
            f"mount or clone the repository that {top / '.git'} names, or remove it to build without a commit"
        )
    return (
        "`git status` there shows the same; see safe.directory and safe.bareRepository in `git help config`"
    )


def _reason(words: str) -> str:
    """Of what git printed, the first line that says what it died of."""
    lines = [line for line in words.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (fatal or lines or ["it printed no reason"])[0][:300]
