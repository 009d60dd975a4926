"""The commit that a run is for, read with git; a folder outside any repository has a revision without a commit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.policy import Revision

from .ci_event import CiEvent, ci_event
from .command import GitMissing, NoRepository, Repository

_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z


def read_revision(root: Path, environ: Mapping[str, str]) -> Revision:
    """HEAD, its commit time, whether the work tree has changes, and the branch, pull request or git tag.

    SOURCE_DATE_EPOCH overrides the time. Raises UsageError for an impossible SOURCE_DATE_EPOCH or CI variable.
    """
    repository = _repository(root, environ)
    commit_time, _, sha = _git(
        repository, "rev-list", "--timestamp", "--max-count=1", "HEAD", "--"
    ).partition(" ")
    epoch = read_epoch(environ)
    created = int(commit_time or 0) if epoch is None else epoch
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
    if not (text.isascii() and text.isdecimal()) or len(text) > 12 or int(text) > _LAST_SECOND:
        raise UsageError(
            f"SOURCE_DATE_EPOCH={text[:40]!r} is not a number of seconds since 1970",
            hint="whole seconds, not milliseconds: date +%s",
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
