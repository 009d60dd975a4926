"""What the CI says of itself becomes an event: the documented variables of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.git.ci_event import CiEvent, ci_event, main_branch
from pipeline.cli.git.revision import read_epoch, read_revision
from pipeline.errors import UsageError
from tests.tools.git import git

_GITHUB = {"GITHUB_ACTIONS": "true"}
_GITLAB = {"GITLAB_CI": "true"}
_JENKINS = {"JENKINS_URL": "https://ci.example/"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        (
            _GITHUB
            | {"GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch"},
            CiEvent(branch="main"),
        ),
        (
            _GITHUB
            | {"GITHUB_REF": "refs/tags/v1.0.0", "GITHUB_REF_NAME": "v1.0.0", "GITHUB_REF_TYPE": "tag"},
            CiEvent(release="v1.0.0"),
        ),
        (_GITHUB | {"GITHUB_REF": "refs/pull/456/merge"}, CiEvent(pull_request="456")),
        (_GITLAB | {"CI_COMMIT_BRANCH": "feature/x"}, CiEvent(branch="feature/x")),
        (_GITLAB | {"CI_COMMIT_TAG": "v1.0.0"}, CiEvent(release="v1.0.0")),
        (_GITLAB | {"CI_MERGE_REQUEST_IID": "12"}, CiEvent(pull_request="12")),
        (_JENKINS | {"BRANCH_NAME": "main"}, CiEvent(branch="main")),
        (_JENKINS | {"BRANCH_NAME": "PR-3", "CHANGE_ID": "3"}, CiEvent(pull_request="3")),
        (_JENKINS | {"BRANCH_NAME": "v1", "TAG_NAME": "v1"}, CiEvent(release="v1")),
    ],
)
def test_events(environment: dict[str, str], expected: CiEvent | None) -> None:
    assert ci_event(environment) == expected


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch", "trunk")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    return tmp_path


def test_a_checkout_has_a_branch(checkout: Path) -> None:
    found = read_revision(checkout, {})
    assert (found.branch, found.dirty, len(found.sha)) == ("trunk", False, 40)
    (checkout / "a").write_text("2")
    assert read_revision(checkout, {}).dirty
    git(checkout, "checkout", "--quiet", "--detach")
    assert read_revision(checkout, {}).branch == ""


def test_the_ci_knows_better_than_a_detached_head(checkout: Path) -> None:
    git(checkout, "checkout", "--quiet", "--detach")
    found = read_revision(checkout, _GITLAB | {"CI_COMMIT_BRANCH": "main", "SOURCE_DATE_EPOCH": "7"})
    assert (found.branch, found.created) == ("main", 7)


def test_no_repository_is_no_name(tmp_path: Path) -> None:
    assert read_revision(tmp_path, {}).label == "local"


def test_a_ci_that_lies_is_told(checkout: Path) -> None:
    with pytest.raises(UsageError, match="pull request"):
        read_revision(checkout, _GITLAB | {"CI_MERGE_REQUEST_IID": "x; rm"})


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("0", 0),
        ("1", 1),
        ("1700000000", 1_700_000_000),
        ("0001700000000"[1:], 1_700_000_000),
        ("253402300799", 253_402_300_799),  # the last second that RFC 3339 can write
    ],
)
def test_an_epoch_in_seconds(text: str, epoch: int) -> None:
    assert read_epoch({"SOURCE_DATE_EPOCH": text}) == epoch
    assert read_revision(Path("/"), {"SOURCE_DATE_EPOCH": text}).created == epoch


@pytest.mark.parametrize("environment", [{}, {"SOURCE_DATE_EPOCH": ""}])
def test_no_epoch_is_not_the_epoch_zero(environment: dict[str, str]) -> None:
    assert read_epoch(environment) is None


@pytest.mark.parametrize(
    "text",
    [
        "1700000000000",  # milliseconds
        "253402300800",
        "9" * 5000,
        "-1",
        "+1",
        "1e9",
        "0x10",
        "1_000",
        "1.5",
        " 1",
        "1\n",
        "2026-11-26",
        "yesterday",
        "١٧٠٠٠٠٠٠٠٠",  # digits to Unicode, and to int()
        "１７",
        "²",
    ],
)
def test_what_is_no_epoch_is_refused_with_its_remedy(text: str) -> None:
    with pytest.raises(UsageError, match="is not a number of seconds since 1970") as found:
        read_epoch({"SOURCE_DATE_EPOCH": text})
    assert found.value.hint and "date +%s" in found.value.hint
    assert len(found.value.message) < 120


def test_a_context_is_refused_too(checkout: Path) -> None:
    """BuildKit's own `context` would take the time of files; here they have none."""
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH='context'"):
        read_revision(checkout, {"SOURCE_DATE_EPOCH": "context"})


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


@pytest.mark.parametrize("seconds", ["99999999999999", "253402300800", "18446744073709551614"])
def test_a_commit_of_an_impossible_time_is_refused(checkout: Path, seconds: str) -> None:
    tree = git(checkout, "write-tree").strip()
    who = f"a <a@example> {seconds} +0000"
    commit = f"tree {tree}\nauthor {who}\ncommitter {who}\n\nx\n"
    (checkout / "commit").write_text(commit)
    made = git(checkout, "hash-object", "-t", "commit", "-w", "--literally", "commit").strip()
    git(checkout, "update-ref", "HEAD", made)
    with pytest.raises(UsageError, match="which is no time") as caught:
        read_revision(checkout, {})
    assert caught.value.hint
    assert read_revision(checkout, {"SOURCE_DATE_EPOCH": "7"}).created == 7
