"""Which forge a release goes to, and that each token goes to the address it is documented for."""

from __future__ import annotations

import pytest

from pipeline.ci.job import Provider
from pipeline.errors import UsageError
from pipeline.forge.address import ForgeAddress, forge_address

ACTIONS = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/images", "GITHUB_TOKEN": "t0ken"}
JOB = {
    "GITLAB_CI": "true",
    "CI_API_V4_URL": "https://code.example/gitlab/api/v4",
    "CI_PROJECT_ID": "24",
    "CI_JOB_TOKEN": "t0ken",
}
TAGGED = {**JOB, "CI_COMMIT_TAG": "v1.0.0", "CI_COMMIT_SHA": "5" * 40}
GITHUB, GITLAB = Provider.GITHUB, Provider.GITLAB


@pytest.mark.parametrize(
    ("environ", "origin", "expected"),
    [
        (ACTIONS, "", ForgeAddress(GITHUB, "https://api.github.com", "acme/images", "t0ken")),
        (
            {**ACTIONS, "GITHUB_API_URL": "https://ghes.example/api/v3", "GH_TOKEN": "other"},
            "",
            ForgeAddress(GITHUB, "https://ghes.example/api/v3", "acme/images", "other"),
        ),
        (JOB, "", ForgeAddress(GITLAB, JOB["CI_API_V4_URL"], "24", "t0ken", True)),
        (TAGGED, "", ForgeAddress(GITLAB, JOB["CI_API_V4_URL"], "24", "t0ken", True, ("v1.0.0", "5" * 40))),
        ({**TAGGED, "GITLAB_TOKEN": "own"}, "", ForgeAddress(GITLAB, JOB["CI_API_V4_URL"], "24", "own")),
        (
            {"GH_TOKEN": "t0ken"},
            "ssh://git@github.com/acme/images.git",
            ForgeAddress(GITHUB, "https://api.github.com", "acme/images", "t0ken"),
        ),
        (
            {"GH_HOST": "ghes.example", "GH_ENTERPRISE_TOKEN": "t0ken", "GH_TOKEN": "of github.com"},
            "https://ghes.example/acme/images",
            ForgeAddress(GITHUB, "https://ghes.example/api/v3", "acme/images", "t0ken"),
        ),
        (
            {"GH_HOST": "acme.ghe.com", "GH_ENTERPRISE_TOKEN": "t0ken"},
            "https://acme.ghe.com/acme/images",
            ForgeAddress(GITHUB, "https://api.acme.ghe.com", "acme/images", "t0ken"),
        ),
        (
            {"GITLAB_TOKEN": "t0ken"},
            "https://gitlab.com/group/sub/images.git",
            ForgeAddress(GITLAB, "https://gitlab.com/api/v4", "group/sub/images", "t0ken"),
        ),
        (
            {"GITLAB_TOKEN": "t0ken", "GITLAB_HOST": "https://code.example"},
            "ssh://git@code.example/acme/images.git",
            ForgeAddress(GITLAB, "https://code.example/api/v4", "acme/images", "t0ken"),
        ),
    ],
)
def test_where(environ: dict[str, str], origin: str, expected: ForgeAddress) -> None:
    assert forge_address(environ, origin) == expected


@pytest.mark.parametrize(
    ("environ", "origin", "message"),
    [
        ({**ACTIONS, "GITHUB_TOKEN": ""}, "", "GITHUB_TOKEN is not set"),
        ({**ACTIONS, "GITHUB_TOKEN": "two\nlines"}, "", "GITHUB_TOKEN is no token"),
        ({**ACTIONS, "GITEA_ACTIONS": "true"}, "", "Gitea and Forgejo have another API"),
        ({**ACTIONS, "GITHUB_REPOSITORY": ""}, "", "is not a repository of GitHub"),
        ({**ACTIONS, "GITHUB_REPOSITORY": "../x/y"}, "", "is not a repository of GitHub"),
        ({**JOB, "CI_JOB_TOKEN": ""}, "", "CI_JOB_TOKEN or GITLAB_TOKEN is not set"),
        ({**JOB, "CI_PROJECT_ID": ""}, "", "no CI_PROJECT_ID"),
        ({"GITHUB_TOKEN": "t0ken"}, "https://github.com.evil.example/acme/images", "no GitHub or GitLab"),
        (
            {"GITLAB_TOKEN": "t0ken", "GITLAB_HOST": "a.example"},
            "https://gitlab.com/a/b",
            "no GitHub or GitLab",
        ),
        ({"GITHUB_TOKEN": "of github.com", "GH_HOST": "g.example"}, "https://g.example/a/b", "is not set"),
        ({"GITHUB_TOKEN": "t0ken"}, "", "has no remote origin"),
    ],
)
def test_refused(environ: dict[str, str], origin: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        forge_address(environ, origin)
    assert "t0ken" not in str(refused.value.to_json())
