"""The event of a job, from the documented variables of each provider and GitHub's payload."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.ci import EventKind, JobEvent, Provider, job_of, main_branch, read_event
from pipeline.errors import UsageError

_GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/images"}
_ON_MAIN = {"GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch"}
_GITLAB = {"GITLAB_CI": "true"}
_JENKINS = {"JENKINS_URL": "https://ci.example/"}
_OWN_REQUEST = {
    "CI_MERGE_REQUEST_IID": "12",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "5",
    "CI_MERGE_REQUEST_PROJECT_ID": "5",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
}


def _push(branch: str) -> JobEvent:
    return JobEvent(EventKind.PUSH, branch=branch)


def _request(number: str, *, fork: bool = False, target: str = "") -> JobEvent:
    return JobEvent(EventKind.PULL_REQUEST, number=number, fork=fork, target=target)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"GITHUB_REF": "refs/pull/7/merge", "CI_MERGE_REQUEST_IID": "7"}, None),  # of no CI
        (_GITHUB, None),
        (_GITHUB | _ON_MAIN, _push("main")),
        (
            _GITHUB
            | {"GITHUB_REF": "refs/tags/v1.0.0", "GITHUB_REF_NAME": "v1.0.0", "GITHUB_REF_TYPE": "tag"},
            JobEvent(EventKind.TAG, tag="v1.0.0"),
        ),
        (
            _GITHUB | {"GITHUB_REF": "refs/tags/v1.0.0"},
            JobEvent(EventKind.TAG, tag="v1.0.0"),
        ),  # older servers
        (_GITHUB | {"GITHUB_REF": "refs/heads/feature/x"}, _push("feature/x")),
        (
            _GITHUB | _ON_MAIN | {"GITHUB_EVENT_NAME": "schedule"},
            JobEvent(EventKind.SCHEDULE, branch="main"),
        ),
        (
            _GITHUB | _ON_MAIN | {"GITHUB_EVENT_NAME": "workflow_dispatch"},
            JobEvent(EventKind.MANUAL, branch="main"),
        ),
        (
            _GITHUB
            | {
                "GITHUB_EVENT_NAME": "merge_group",
                "GITHUB_REF": "refs/heads/gh-readonly-queue/main/pr-7-0123",
                "GITHUB_REF_NAME": "gh-readonly-queue/main/pr-7-0123",
                "GITHUB_REF_TYPE": "branch",
            },
            JobEvent(EventKind.MERGE_QUEUE),
        ),
        # Any sign of a pull request makes it one; without a payload nobody knows where it comes from.
        (_GITHUB | {"GITHUB_REF": "refs/pull/456/merge"}, _request("456", fork=True)),
        (_GITHUB | _ON_MAIN | {"GITHUB_HEAD_REF": "x"}, _request("", fork=True)),
        (_GITHUB | _ON_MAIN | {"GITHUB_EVENT_NAME": "pull_request_target"}, _request("", fork=True)),
        (_GITLAB, None),
        (_GITLAB | {"CI_COMMIT_BRANCH": "feature/x"}, _push("feature/x")),
        (_GITLAB | {"CI_COMMIT_TAG": "v1.0.0"}, JobEvent(EventKind.TAG, tag="v1.0.0")),
        (
            _GITLAB | {"CI_COMMIT_BRANCH": "main", "CI_PIPELINE_SOURCE": "schedule"},
            JobEvent(EventKind.SCHEDULE, branch="main"),
        ),
        (
            _GITLAB | {"CI_COMMIT_TAG": "v1", "CI_PIPELINE_SOURCE": "web"},
            JobEvent(EventKind.MANUAL, tag="v1"),
        ),
        (_GITLAB | _OWN_REQUEST, _request("12", target="main")),
        (
            _GITLAB | _OWN_REQUEST | {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "6"},
            _request("12", target="main", fork=True),
        ),
        (_GITLAB | {"CI_MERGE_REQUEST_IID": "12"}, _request("12", fork=True)),
        (
            _GITLAB | _OWN_REQUEST | {"CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"},
            JobEvent(EventKind.MERGE_QUEUE, target="main"),
        ),
        (
            _GITLAB
            | {
                "CI_EXTERNAL_PULL_REQUEST_IID": "3",
                "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY": "eve/images",
                "CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY": "acme/images",
            },
            _request("3", fork=True),
        ),
        (_JENKINS, None),
        (_JENKINS | {"BRANCH_NAME": "main"}, _push("main")),
        (
            _JENKINS | {"BRANCH_NAME": "PR-3", "CHANGE_ID": "3", "CHANGE_TARGET": "main"},
            _request("3", target="main"),
        ),
        (
            _JENKINS | {"BRANCH_NAME": "PR-3", "CHANGE_ID": "3", "CHANGE_FORK": "eve"},
            _request("3", fork=True),
        ),
        (_JENKINS | {"BRANCH_NAME": "v1", "TAG_NAME": "v1"}, JobEvent(EventKind.TAG, tag="v1")),
    ],
)
def test_events(environment: dict[str, str], expected: JobEvent | None) -> None:
    assert read_event(environment) == expected


def _pull(head: str | None, number: object = 7) -> dict[str, Any]:
    repo = {"full_name": head} if head else None
    return {"pull_request": {"number": number, "head": {"ref": "x", "repo": repo}, "base": {"ref": "main"}}}


@pytest.mark.parametrize(
    ("environment", "payload", "expected"),
    [
        ({"GITHUB_EVENT_NAME": "pull_request"}, _pull("acme/images"), _request("7", target="main")),
        (
            {"GITHUB_EVENT_NAME": "pull_request_target"},
            _pull("eve/images"),
            _request("7", target="main", fork=True),
        ),
        ({"GITHUB_EVENT_NAME": "pull_request"}, _pull(None), _request("7", target="main", fork=True)),
        (
            {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_ACTOR": "dependabot[bot]"},
            _pull("acme/images"),
            _request("7", target="main", fork=True),
        ),
        ({"GITHUB_EVENT_NAME": "push"}, _pull("eve/images"), _request("7", target="main", fork=True)),
        (
            {"GITHUB_EVENT_NAME": "pull_request"},
            _pull("acme/images", "7; rm"),
            _request("", target="main"),
        ),
        (
            {"GITHUB_EVENT_NAME": "workflow_run"},
            {"workflow_run": {"event": "pull_request", "head_repository": {"full_name": "eve/images"}}},
            _request("", fork=True),
        ),
        (
            {"GITHUB_EVENT_NAME": "workflow_run"},
            {"workflow_run": {"event": "push", "head_repository": {"full_name": "acme/images"}}},
            _push("main"),
        ),
        (
            {"GITHUB_EVENT_NAME": "issue_comment"},
            {"issue": {"number": 9, "pull_request": {"url": "x"}}},
            _request("9", fork=True),
        ),
        ({"GITHUB_EVENT_NAME": "issue_comment"}, {"issue": {"number": 9}}, _push("main")),
        (
            {"GITHUB_EVENT_NAME": "merge_group"},
            {"merge_group": {"base_ref": "refs/heads/main"}},
            JobEvent(EventKind.MERGE_QUEUE, target="main"),
        ),
        (
            {"GITHUB_EVENT_NAME": "workflow_dispatch"},
            {"inputs": {"version": "v2.0.0", "dry-run": True}},
            JobEvent(EventKind.MANUAL, branch="main", inputs={"version": "v2.0.0", "dry-run": "true"}),
        ),
        ({"GITHUB_EVENT_NAME": "workflow_dispatch"}, {"inputs": None}, JobEvent(EventKind.MANUAL, "main")),
        ({"GITHUB_EVENT_NAME": "push"}, [], _push("main")),
    ],
)
def test_githubs_payload(
    environment: dict[str, str], payload: Any, expected: JobEvent, tmp_path: Path
) -> None:
    (tmp_path / "event.json").write_text(json.dumps(payload))
    base = _GITHUB | _ON_MAIN | {"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}
    assert read_event(base | environment) == expected


@pytest.mark.parametrize(
    "environment",
    [
        _GITHUB | {"GITHUB_REF": "refs/pull/x; rm/merge"},
        _GITHUB | {"GITHUB_REF": "refs/pull/٣/merge"},
        _GITLAB | {"CI_MERGE_REQUEST_IID": "1" * 5000},
        _GITLAB | {"CI_EXTERNAL_PULL_REQUEST_IID": "-1"},
        _JENKINS | {"CHANGE_ID": "²"},
    ],
)
def test_a_number_that_is_none_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="is not the number of a pull request") as refused:
        read_event(environment)
    assert refused.value.hint
    assert len(refused.value.message) < 200


def test_where_a_job_runs() -> None:
    github = job_of(
        _GITHUB
        | {
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_RUN_ID": "99",
            "GITHUB_SHA": "0" * 40,
            "GITHUB_WORKSPACE": "/w",
            "GITHUB_STEP_SUMMARY": "/s.md",
        }
    )
    assert github.url == "https://github.example/acme/images/actions/runs/99"
    assert github.repository == "https://github.example/acme/images"
    assert (github.commit, github.checkout, github.step_summary) == ("0" * 40, Path("/w"), Path("/s.md"))
    gitlab = job_of(_GITLAB | {"CI_JOB_URL": "javascript:x", "CI_PROJECT_URL": "https://gitlab.example/a"})
    assert (gitlab.provider, gitlab.url, gitlab.repository) == (
        Provider.GITLAB,
        "",
        "https://gitlab.example/a",
    )
    assert job_of(_JENKINS | {"BUILD_URL": "http://ci.example/job/1/"}).url == "http://ci.example/job/1/"
    assert job_of({"GITHUB_SHA": "0" * 40}) == job_of({})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ""),
        (_GITLAB | {"CI_DEFAULT_BRANCH": "trunk"}, "trunk"),
        (_GITLAB, ""),
        (_JENKINS | {"BRANCH_NAME": "trunk", "BRANCH_IS_PRIMARY": "true"}, "trunk"),
        (_JENKINS | {"BRANCH_NAME": "feature/x"}, ""),
        (_GITHUB, ""),
        (_GITHUB | {"GITHUB_EVENT_PATH": "/nowhere/event.json"}, ""),
    ],
)
def test_which_branch_the_main_line_is(environment: dict[str, str], expected: str) -> None:
    assert main_branch(environment) == expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ('{"repository": {"default_branch": "trunk"}}', "trunk"),
        ('{"repository": {}}', ""),
        ('{"repository": null}', ""),
        ("[]", ""),
        ("not JSON", ""),
    ],
)
def test_githubs_event_names_the_main_branch(tmp_path: Path, event: str, expected: str) -> None:
    (tmp_path / "event.json").write_text(event)
    assert main_branch(_GITHUB | {"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}) == expected


def test_an_event_that_nests_without_end_names_no_branch(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text("[" * 100_000)
    assert main_branch(_GITHUB | {"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}) == ""
