"""Who builds and from where, by the documented variables of each CI; no credentials, and no folder of a machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.cli.git.origin import public_address, read_origin
from pipeline.policy import Revision
from pipeline.provenance import LOCAL, Origin
from tests.tools.git import commit, git

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/images",
    "GITHUB_WORKFLOW_REF": "acme/images/.github/workflows/x.yml@refs/heads/main",
    "GITHUB_REF": "refs/pull/7/merge",
    "GITHUB_RUN_ID": "77",
    "GITHUB_RUN_ATTEMPT": "2",
    "RUNNER_ENVIRONMENT": "self-hosted",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_URL": "https://gitlab.example/acme/images",
    "CI_RUNNER_ID": "12",
    "CI_RUNNER_VERSION": "18.6.0",
    "CI_JOB_URL": "https://gitlab.example/acme/images/-/jobs/5",
}
JENKINS = {
    "JENKINS_URL": "https://ci.example/",
    "BUILD_URL": "https://ci.example/job/images/5/",
    "NODE_NAME": "agent-3",
    "GIT_URL": "https://bot:token@git.example/acme/images.git",
}


@pytest.mark.parametrize(
    "variables, origin",
    [
        (
            GITHUB,
            Origin(
                "https://github.com/acme/images/.github/workflows/x.yml@refs/heads/main",
                "https://github.com/acme/images/actions/runs/77/attempts/2",
                "self-hosted",
                "https://github.com/acme/images",
                "refs/pull/7/merge",
            ),
        ),
        (
            GITLAB,
            Origin(
                "https://gitlab.example/acme/images/-/runners/12",
                "https://gitlab.example/acme/images/-/jobs/5",
                "18.6.0",
                "https://gitlab.example/acme/images.git",
            ),
        ),
        (
            JENKINS,
            Origin(
                "https://ci.example/",
                "https://ci.example/job/images/5/",
                "agent-3",
                "https://git.example/acme/images.git",
            ),
        ),
        ({}, Origin(LOCAL)),
    ],
)
def test_each_ci(variables: dict[str, str], origin: Origin, tmp_path: Path) -> None:
    assert read_origin(tmp_path, {"PATH": os.environ["PATH"]} | variables) == origin


def test_the_remote_and_the_folder_of_a_clone(tmp_path: Path) -> None:
    (tmp_path / "containers").mkdir()
    commit(tmp_path)
    git(tmp_path, "remote", "add", "origin", "git@git.example:acme/images.git")
    found = read_origin(tmp_path / "containers", {"PATH": os.environ["PATH"]})
    assert found == Origin(repository="ssh://git@git.example/acme/images.git", path="containers")
    assert found.uri == "git+ssh://git@git.example/acme/images.git"


@pytest.mark.parametrize(
    "text, address",
    [
        ("https://git.example/a/b.git", "https://git.example/a/b.git"),
        ("https://user:secret@git.example:8443/a?token=x#y", "https://git.example:8443/a"),
        ("ssh://deploy:secret@git.example:22/a", "ssh://git@git.example:22/a"),
        ("git@git.example:a/b.git", "ssh://git@git.example/a/b.git"),
        ("/srv/git/a.git", ""),
        ("../a", ""),
        ("file:///srv/git/a.git", ""),
        ("C:/work/a", ""),
        ("ext::sh -c id", ""),
        ("https:///a", ""),
        ("https://[", ""),
        ("-u https://git.example/a", ""),
        ("", ""),
    ],
)
def test_addresses_that_others_may_see(text: str, address: str) -> None:
    assert public_address(text) == address
    assert public_address(address) == address


@pytest.mark.parametrize(
    "origin, revision, ref",
    [
        (Origin(ref="refs/pull/7/merge"), Revision("a" * 40, pull_request="7"), "refs/pull/7/merge"),
        (Origin(), Revision("a" * 40, branch="main"), "refs/heads/main"),
        (Origin(), Revision("a" * 40, release="v1"), "refs/tags/v1"),
        (Origin(), Revision("a" * 40), ""),
    ],
)
def test_refs(origin: Origin, revision: Revision, ref: str) -> None:
    assert origin.ref_of(revision) == ref
