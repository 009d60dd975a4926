"""The commit that a run is for, read with git; a folder outside any repository has a revision without a commit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.ci import EventKind, JobEvent, read_event
from pipeline.errors import UsageError
from pipeline.policy import Revision
from pipeline.release.versions.git_tag import require_same_commit
from pipeline.util.dataclass import dataclass
from pipeline.util.timestamps import LAST_SECOND

from .command import GitRepository
from .errors import NoRepository

_UNBORN, _DETACHED = "(initial)", "(detached)"


def read_revision(root: Path, environ: Mapping[str, str]) -> Revision:
    """HEAD, its commit time, whether the work tree has changes, and the branch, pull request or git tag.

    SOURCE_DATE_EPOCH overrides the time. Raises UsageError for an impossible time or CI variable, and for a repository
    that git refuses; EnvironmentProblem where git fails.
    """
    event, epoch = read_event(environ), read_epoch(environ)
    repository = _repository(root, environ)
    head = _head(repository) if repository else Checkout()
    created = epoch if epoch is not None else _commit_time(repository, head)
    if not head.commit:
        return Revision(created=created)
    event = event or JobEvent(EventKind.PUSH, branch=head.branch)
    number = event.number if event.proposed else ""
    try:
        return Revision(head.commit, head.changed, created, event.branch, number, event.tag)
    except ValueError as error:
        raise UsageError(str(error)) from None


def check_release_tag(root: Path, environ: Mapping[str, str], name: str, commit: str) -> None:
    """Raise UsageError where a git tag of a release's name is at another commit; a release needs no git tag."""
    repository = _repository(root, environ)
    if repository is None or not commit:
        return
    output = repository.run(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/tags/{name}^{{commit}}"
    )
    tagged = os.fsdecode(output.stdout).strip() if output.code == 0 else ""
    require_same_commit(name, tagged, commit, f"git checkout {name}")


@dataclass(frozen=True, slots=True)
class Checkout:
    """What is checked out: the commit, empty before the first one; the branch, empty where HEAD is detached; whether
    files below the folder differ."""

    commit: str = ""
    branch: str = ""
    changed: bool = False


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


def _head(repository: GitRepository) -> Checkout:
    """What `git status` reports (git-status(1), "Porcelain Format Version 2"). Raises EnvironmentProblem."""
    text = repository.output("status", "--porcelain=v2", "--branch", "--untracked-files=normal",
                             "--ignore-submodules=dirty", "--", ".")  # fmt: skip
    lines = os.fsdecode(text).splitlines()
    headers = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# ") and " " in line[2:])
    commit, branch = headers.get("branch.oid", ""), headers.get("branch.head", "")
    changed = any(not line.startswith("# ") for line in lines)
    return Checkout("" if commit == _UNBORN else commit, "" if branch == _DETACHED else branch, changed)


def _commit_time(repository: GitRepository | None, head: Checkout) -> int:
    """The time of a commit in seconds since 1970; 0 where there is no commit. Raises UsageError for an impossible one,
    which whoever makes a commit can choose."""
    if repository is None or not head.commit:
        return 0
    listed = os.fsdecode(repository.output("rev-list", "--timestamp", "--max-count=1", head.commit, "--"))
    text = listed.partition(" ")[0]
    if not (text.isascii() and text.isdecimal()) or len(text) > 12 or int(text) > LAST_SECOND:
        raise UsageError(
            f"the commit was made at {text[:40]!r} seconds since 1970, which is no time",
            hint="SOURCE_DATE_EPOCH=SECONDS replaces the time of the commit",
        )
    return int(text)


def _repository(root: Path, environ: Mapping[str, str]) -> GitRepository | None:
    """A folder's repository, None where it has none. Raises what `GitRepository.of` raises."""
    try:
        return GitRepository.of(root, environ)
    except NoRepository:
        return None
