"""The commit that a run is for, read with git; a folder outside any repository has a revision without a commit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.policy import Revision
from pipeline.util.timestamps import LAST_SECOND

from .ci_event import CiEvent, ci_event
from .command import GitMissing, NoRepository, Repository


def read_revision(root: Path, environ: Mapping[str, str]) -> Revision:
    """HEAD, its commit time, whether the work tree has changes, and the branch, pull request or git tag.

    SOURCE_DATE_EPOCH overrides the time. Raises UsageError for an impossible time or CI variable.
    """
    repository = _repository(root, environ)
    head = _git(repository, "rev-list", "--timestamp", "--max-count=1", "HEAD", "--")
    commit_time, _, sha = head.partition(" ")
    epoch = read_epoch(environ)
    created = _commit_time(commit_time) if epoch is None else epoch
    if not sha:
        return Revision(created=created)
    status = _git(repository, "status", "--porcelain", "--branch", "--untracked-files=normal",
                  "--ignore-submodules=dirty", "--", ".")  # fmt: skip
    branch_line, *changed = status.splitlines() or [""]
    event = ci_event(environ) or CiEvent(branch=_branch(branch_line))
    try:
        return Revision(sha, bool(changed), created, event.branch, event.pull_request, event.release)
    except ValueError as error:
        raise UsageError(str(error)) from None


def read_epoch(environ: Mapping[str, str]) -> int | None:
    """SOURCE_DATE_EPOCH in seconds since 1970, None where it is not set (reproducible-builds.org's specification).

    Raises UsageError for anything else than a time up to the end of the year 9999, where RFC 3339 ends.
    """
    text = environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 12 or int(text) > LAST_SECOND:
        raise UsageError(
            f"SOURCE_DATE_EPOCH={text[:40]!r} is not a number of seconds since 1970",
            hint="whole seconds, not milliseconds: date +%s",
        )
    return int(text)


def _commit_time(text: str) -> int:
    """The time of a commit in seconds since 1970; 0 where there is no commit. Raises UsageError for an impossible one,
    which whoever makes a commit can choose."""
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal()) or len(text) > 12 or int(text) > LAST_SECOND:
        raise UsageError(
            f"the commit was made at {text[:40]!r} seconds since 1970, which is no time",
            hint="SOURCE_DATE_EPOCH=SECONDS replaces the time of the commit",
        )
    return int(text)


def _branch(line: str) -> str:
    """The branch in the first line of `git status --branch` (git-status(1), "Porcelain Format"); none if detached."""
    name = line.removeprefix("## ").partition("...")[0]
    return "" if " " in name else name


def _repository(root: Path, environ: Mapping[str, str]) -> Repository | None:
    """The repository of a folder; None where there is none that git may read, or no git."""
    try:
        return Repository.of(root, environ)
    except (GitMissing, NoRepository):
        return None


def _git(repository: Repository | None, *arguments: str) -> str:
    """What git prints, empty where it fails."""
    if repository is None:
        return ""
    output = repository.run(*arguments)
    return os.fsdecode(output.stdout).strip() if output.code == 0 else ""
