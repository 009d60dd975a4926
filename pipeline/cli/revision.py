"""The commit a run stands on, read with git, and the event that brought it, from what the CI says of itself.

A folder that is no repository is a revision without a name.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.policy import Revision

_GITHUB_PULL = "refs/pull/"
_LAST_MOMENT = 253_402_300_799  # 9999-12-31T23:59:59Z


def read_revision(root: Path, environment: Mapping[str, str]) -> Revision:
    """HEAD, its commit time, whether the work tree differs from it, and the branch, pull request or git tag;
    SOURCE_DATE_EPOCH overrides the time.

    Raises UsageError for an impossible SOURCE_DATE_EPOCH, or a CI's variable that cannot be right.
    """
    head = _git(root, "log", "-1", "--format=%H %ct")
    sha, _, moment = head.partition(" ")
    epoch = read_epoch(environment)
    created = int(moment or 0) if epoch is None else epoch
    if not sha:
        return Revision(created=created)
    first, *changed = _git(
        root, "status", "--porcelain", "--branch", "--untracked-files=normal", "--", "."
    ).splitlines() or [""]
    event = event_of(environment) or {"branch": _branch(first)}
    try:
        return Revision(sha, bool(changed), created, **event)
    except ValueError as fault:
        raise UsageError(str(fault)) from None


def read_epoch(environment: Mapping[str, str]) -> int | None:
    """SOURCE_DATE_EPOCH in seconds since 1970, None where it is not set (reproducible-builds.org's specification).

    Raises UsageError for what is no moment up to the end of the year 9999, which RFC 3339 ends with.
    """
    text = environment.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 12 or int(text) > _LAST_MOMENT:
        raise UsageError(
            f"SOURCE_DATE_EPOCH={text[:40]!r} is not a number of seconds since 1970",
            hint="whole seconds, not milliseconds: date +%s",
        )
    return int(text)


def event_of(environment: Mapping[str, str]) -> dict[str, str]:
    """`branch`, `pull_request` or `release` (a git tag) as GitHub Actions, GitLab CI, Jenkins say; else nothing."""
    get = environment.get
    if get("GITHUB_ACTIONS") == "true":
        reference = get("GITHUB_REF", "")
        if reference.startswith(_GITHUB_PULL):
            return {"pull_request": reference.removeprefix(_GITHUB_PULL).partition("/")[0]}
        return _branch_or_tag(get("GITHUB_REF_NAME", ""), tag=get("GITHUB_REF_TYPE") == "tag")
    if get("GITLAB_CI") == "true":
        if number := get("CI_MERGE_REQUEST_IID"):
            return {"pull_request": number}
        tag = get("CI_COMMIT_TAG", "")
        return _branch_or_tag(tag or get("CI_COMMIT_BRANCH", ""), tag=bool(tag))
    if get("JENKINS_URL"):
        if number := get("CHANGE_ID"):
            return {"pull_request": number}
        tag = get("TAG_NAME", "")
        return _branch_or_tag(tag or get("BRANCH_NAME", ""), tag=bool(tag))
    return {}


def main_line(environment: Mapping[str, str]) -> str:
    """The main line's branch as GitHub Actions, GitLab CI, Jenkins name it; empty where they do not."""
    if environment.get("GITLAB_CI") == "true":
        return environment.get("CI_DEFAULT_BRANCH", "")
    if environment.get("JENKINS_URL"):
        primary = environment.get("BRANCH_IS_PRIMARY") == "true"
        return environment.get("BRANCH_NAME", "") if primary else ""
    if environment.get("GITHUB_ACTIONS") == "true":
        try:
            event = json.loads(Path(environment.get("GITHUB_EVENT_PATH", "")).read_bytes())
            return str(event["repository"]["default_branch"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""
    return ""


def _branch_or_tag(name: str, *, tag: bool) -> dict[str, str]:
    if not name:
        return {}
    return {"release": name} if tag else {"branch": name}


def _branch(line: str) -> str:
    """The branch in the first line of `git status --branch` (git-status(1), "Porcelain Format"); none if detached."""
    name = line.removeprefix("## ").partition("...")[0]
    return "" if " " in name else name


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
