"""The event that started a CI job, from the documented variables of GitHub Actions, GitLab CI and Jenkins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_GITHUB_PULL = "refs/pull/"


@dataclass(frozen=True, slots=True)
class CiEvent:
    """A pushed branch, a pull or merge request by its number, or a pushed git tag (`release`); the others are empty."""

    branch: str = ""
    pull_request: str = ""
    release: str = ""


def ci_event(environ: Mapping[str, str]) -> CiEvent | None:
    """The event that the CI reports; None outside a CI, and where it reports none."""
    get = environ.get
    if get("GITHUB_ACTIONS") == "true":
        reference = get("GITHUB_REF", "")
        if reference.startswith(_GITHUB_PULL):
            return CiEvent(pull_request=reference.removeprefix(_GITHUB_PULL).partition("/")[0])
        return _branch_or_tag(get("GITHUB_REF_NAME", ""), tag=get("GITHUB_REF_TYPE") == "tag")
    if get("GITLAB_CI") == "true":
        if number := get("CI_MERGE_REQUEST_IID"):
            return CiEvent(pull_request=number)
        tag = get("CI_COMMIT_TAG", "")
        return _branch_or_tag(tag or get("CI_COMMIT_BRANCH", ""), tag=bool(tag))
    if get("JENKINS_URL"):
        if number := get("CHANGE_ID"):
            return CiEvent(pull_request=number)
        tag = get("TAG_NAME", "")
        return _branch_or_tag(tag or get("BRANCH_NAME", ""), tag=bool(tag))
    return None


def main_branch(environ: Mapping[str, str]) -> str:
    """The repository's main branch as the CI names it; empty where it does not."""
    if environ.get("GITLAB_CI") == "true":
        return environ.get("CI_DEFAULT_BRANCH", "")
    if environ.get("JENKINS_URL"):
        primary = environ.get("BRANCH_IS_PRIMARY") == "true"
        return environ.get("BRANCH_NAME", "") if primary else ""
    if environ.get("GITHUB_ACTIONS") == "true":
        try:
            event = json.loads(Path(environ.get("GITHUB_EVENT_PATH", "")).read_bytes())
            return str(event["repository"]["default_branch"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return ""
    return ""


def _branch_or_tag(name: str, *, tag: bool) -> CiEvent | None:
    if not name:
        return None
    return CiEvent(release=name) if tag else CiEvent(branch=name)
