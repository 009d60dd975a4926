"""The commit of a run, in every form of a checkout; what git fails with is reported, never taken for no repository."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cli.git.errors import GitMissing
from pipeline.cli.git.revision import read_epoch, read_revision
from pipeline.errors import LockageError, UsageError
from pipeline.model import TagTemplate
from pipeline.policy import commit_tags
from tests.tools.git import git

ROOT = Path(__file__).resolve().parents[3]

_GITLAB = {"GITLAB_CI": "true"}


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


def test_events_become_names(checkout: Path, tmp_path: Path) -> None:
    """What a run may be named after: no base branch for a pull request, none of a queue that may never land."""
    event = tmp_path / "event.json"
    event.write_text('{"pull_request": {"number": 7, "head": {"repo": {"full_name": "eve/images"}}}}')
    github = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main"}
    target = github | {"GITHUB_EVENT_NAME": "pull_request_target", "GITHUB_EVENT_PATH": str(event)}
    templates = (TagTemplate.parse("{branch}-{short}"), TagTemplate.parse("pr-{pr}"))
    assert commit_tags(read_revision(checkout, target), "1.0", templates) == ("pr-7",)
    queue = github | {"GITHUB_EVENT_NAME": "merge_group"}
    assert commit_tags(read_revision(checkout, queue), "1.0", templates) == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
def test_a_checkout_of_another_user(checkout: Path) -> None:
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, 1234, 1234)
    with pytest.raises(UsageError, match="dubious ownership") as caught:
        read_revision(checkout, {})
    assert caught.value.hint and "safe.directory" in caught.value.hint
    assert read_revision(checkout, {"SUDO_UID": "1234"}).branch == "trunk"  # as git itself does
    trusted = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    assert read_revision(checkout, trusted).branch == "trunk"


def test_before_the_first_commit_there_is_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert read_revision(tmp_path, {}).label == "local"
    assert read_revision(tmp_path, {"SOURCE_DATE_EPOCH": "7"}).created == 7


def test_a_hook_that_sets_git_s_variables(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A hook runs with GIT_DIR and GIT_INDEX_FILE of the repository that is committed to, which may be another."""
    other, out = tmp_path_factory.mktemp("other"), tmp_path_factory.mktemp("out") / "sha"
    git(other, "init", "--quiet")
    hook = other / ".git/hooks/post-commit"
    code = (
        "import os, pathlib; from pipeline.cli.git.revision import read_revision; assert os.environ['GIT_INDEX_FILE'];"
        f"pathlib.Path({str(out)!r}).write_text(read_revision(pathlib.Path({str(checkout)!r}), os.environ).sha)"
    )
    hook.write_text(f"#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -c {shlex.quote(code)}\n")
    hook.chmod(0o755)
    git(other, "commit", "--quiet", "--allow-empty", "--message", "x")
    assert out.read_text() == git(checkout, "rev-parse", "HEAD")


def test_submodules_and_shallow_clones(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outer = tmp_path_factory.mktemp("outer")
    git(checkout, "commit", "--quiet", "--allow-empty", "--message", "two")
    git(outer, "init", "--quiet")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(checkout), "module")
    git(outer, "commit", "--quiet", "--message", "outer")
    head = git(checkout, "rev-parse", "HEAD")
    assert (read_revision(outer / "module", {}).sha, read_revision(outer / "module", {}).dirty) == (
        head,
        False,
    )
    assert read_revision(outer, {}).sha == git(outer, "rev-parse", "HEAD") != head
    git(outer, "clone", "--quiet", "--depth=1", f"file://{checkout}", "shallow")
    assert git(outer / "shallow", "rev-parse", "--is-shallow-repository") == "true"
    assert read_revision(outer / "shallow", {}) == read_revision(checkout, {})


def _lose_the_commit(root: Path) -> None:
    head = git(root, "rev-parse", "HEAD")
    (root / ".git/objects" / head[:2] / head[2:]).unlink()


def _break_the_index(root: Path) -> None:
    (root / ".git/index").write_bytes(b"DIRC, but nothing else that an index has")


def _break_the_configuration(root: Path) -> None:
    (root / ".git/config").write_text("[core\n")


def _lead_nowhere(root: Path) -> None:
    """As in a container into which a work tree of `git worktree` is mounted without its repository."""
    shutil.rmtree(root / ".git")
    (root / ".git").write_text("gitdir: /nowhere/.git/worktrees/x\n")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (_lose_the_commit, "fatal: "),
        (_break_the_index, "index"),
        (_break_the_configuration, "bad config line 1"),
        (_lead_nowhere, "fatal: not a git repository: /nowhere/.git/worktrees/x"),
    ],
)
def test_what_git_fails_with_is_an_error(checkout: Path, fault: Callable[[Path], None], words: str) -> None:
    """Taken for no repository, images would be named ci-local-…, without a revision, created in 1970."""
    fault(checkout)
    with pytest.raises(LockageError, match=re.escape(words)) as caught:
        read_revision(checkout, dict(os.environ))
    assert caught.value.hint


def test_git_is_missed_only_where_there_is_a_repository(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plain = tmp_path_factory.mktemp("plain")
    with pytest.raises(GitMissing, match="no git on PATH") as caught:
        read_revision(checkout, {"PATH": str(plain)})
    assert "install git" in str(caught.value.hint)
    assert read_revision(plain, {"PATH": str(plain)}).label == "local"
