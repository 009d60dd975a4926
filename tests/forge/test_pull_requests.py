"""A file proposed as a pull or merge request: opened once, updated, never over somebody else's commits; and which
requests are closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pipeline.errors import RegistryError, UsageError
from pipeline.forge.address import forge_address
from pipeline.forge.github import github_api
from pipeline.forge.gitlab import gitlab_api
from pipeline.forge.pull_requests.github import GithubPullRequests
from pipeline.forge.pull_requests.gitlab import GitlabMergeRequests
from pipeline.forge.pull_requests.values import Proposal, PullRequests, WantedChange
from pipeline.registry import ClientSettings

from .github_pulls import Commit, GithubPulls
from .github_server import REPOSITORY
from .gitlab_merges import GitlabMerges
from .gitlab_server import PROJECT
from .server import COMMIT, TOKEN, Fault, serving

pytestmark = pytest.mark.anyio

QUICK = ClientSettings(backoff=0.001, backoff_max=0.01)
BRANCH, PATH = "lockage/lock", "sub/lockage.lock"
WANTED = WantedChange(BRANCH, "main", COMMIT, PATH, b'{"a": 1}\n', "Update lockage.lock", "why")
NEWER = replace(WANTED, content=b'{"a": 2}\n', text="why now")


@pytest.fixture
async def github() -> AsyncIterator[tuple[GithubPulls, PullRequests]]:
    async with serving(GithubPulls()) as server, github_api(server.url, TOKEN, settings=QUICK) as api:
        yield server, GithubPullRequests(api, REPOSITORY)


@pytest.fixture
async def gitlab() -> AsyncIterator[tuple[GitlabMerges, PullRequests]]:
    async with serving(GitlabMerges()) as server, gitlab_api(server.api, TOKEN, settings=QUICK) as api:
        yield server, GitlabMergeRequests(api, PROJECT)


async def test_github_gets_a_commit_of_its_own_and_one_pull_request(
    github: tuple[GithubPulls, PullRequests],
) -> None:
    server, requests = github
    url = f"https://github.example/{REPOSITORY}/pull/1"
    assert await requests.propose(WANTED) == Proposal(url, "opened")
    tip = server.tip(BRANCH)
    assert tip.files == {"a": b"a", PATH: WANTED.content} and tip.parents == (COMMIT,)
    assert server.pulls[0]["title"] == "Update lockage.lock" and server.refs["heads/main"] == COMMIT
    server.asked.clear()
    assert await requests.propose(WANTED) == Proposal(url, "unchanged") and not server.writes
    assert await requests.propose(NEWER) == Proposal(url, "updated")
    assert server.tip(BRANCH).files[PATH] == NEWER.content and server.tip(BRANCH).parents == (COMMIT,)
    assert len(server.pulls) == 1 and server.pulls[0]["body"] == "why now"


async def test_github_s_declined_lock_is_not_proposed_again(
    github: tuple[GithubPulls, PullRequests],
) -> None:
    """Another one is; and what was interrupted between push and pull request is completed."""
    server, requests = github
    server.faults.append(Fault("POST", "/pulls", 403, message="GitHub Actions is not permitted to create"))
    with pytest.raises(RegistryError) as refused:
        await requests.propose(WANTED)
    assert "not permitted" in (refused.value.detail or "")
    assert "Settings, Actions, General" in (refused.value.hint or "")
    assert (await requests.propose(WANTED)).state == "opened"
    server.pulls[0]["state"] = "closed"
    assert (await requests.propose(WANTED)).state == "declined"
    assert (await requests.propose(NEWER)).state == "opened"
    server.pulls[1] |= {"state": "closed", "merged_at": "2026-11-26T00:00:00Z"}
    assert (await requests.propose(NEWER)).state == "opened"


async def test_gitlab_gets_a_commit_of_its_own_and_one_merge_request(
    gitlab: tuple[GitlabMerges, PullRequests],
) -> None:
    server, requests = gitlab
    url = f"https://gitlab.example/{PROJECT}/-/merge_requests/1"
    assert await requests.propose(WANTED) == Proposal(url, "opened")
    assert server.contents[BRANCH] == {"a": b"a", PATH: WANTED.content}
    server.asked.clear()
    assert await requests.propose(WANTED) == Proposal(url, "unchanged") and not server.writes
    server.contents["main"][PATH] = b"old"  # an update now, no new file
    assert await requests.propose(NEWER) == Proposal(url, "updated")
    assert server.contents[BRANCH][PATH] == NEWER.content and server.merges[0]["description"] == "why now"
    server.merges[0] |= {"state": "closed", "sha": server.tip(BRANCH)}
    assert await requests.propose(NEWER) == Proposal(url, "declined")
    assert (await requests.propose(WANTED)).state == "opened"


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_what_need_not_be_proposed_any_more_is_withdrawn(
    forge: str, github: tuple[GithubPulls, PullRequests], gitlab: tuple[GitlabMerges, PullRequests]
) -> None:
    """Also by a rerun, after one that deleted the branch alone; and then the same content can be proposed again."""
    server, requests = github if forge == "github" else gitlab
    assert await requests.withdraw(BRANCH, "main") is None
    first = await requests.propose(WANTED)
    server.faults.append(
        Fault("PATCH" if forge == "github" else "PUT", "requests" if forge == "gitlab" else "pulls", 403)
    )
    with pytest.raises(RegistryError):
        await requests.withdraw(BRANCH, "main")
    if forge == "gitlab":
        assert (await requests.withdraw(BRANCH, "main")) == replace(first, state="withdrawn")
    assert await requests.withdraw(BRANCH, "main") is None
    second = await requests.propose(WANTED)
    assert second.state == "opened" and second.url != first.url
    assert (await requests.withdraw(BRANCH, "main")) == replace(second, state="withdrawn")
    server.asked.clear()
    assert await requests.withdraw(BRANCH, "main") is None
    assert len(server.asked) == 1 and not server.writes


async def test_a_branch_of_the_same_name_in_a_fork_is_somebody_else_s(
    gitlab: tuple[GitlabMerges, PullRequests],
) -> None:
    server, requests = gitlab
    server.open(1, BRANCH, fork=8)
    proposal = await requests.propose(WANTED)
    assert proposal.state == "opened" and proposal.url.endswith("/merge_requests/2")
    assert (await requests.withdraw(BRANCH, "main")) == replace(proposal, state="withdrawn")
    assert await requests.withdraw(BRANCH, "main") is None
    assert [(merge["state"], "title" in merge) for merge in server.merges] == [
        ("opened", False),
        ("closed", True),
    ]


async def test_commits_of_others_are_not_overwritten(
    github: tuple[GithubPulls, PullRequests], gitlab: tuple[GitlabMerges, PullRequests]
) -> None:
    hub, lab = github[0], gitlab[0]
    hub.commits["7" * 40] = Commit("a fix by hand", {})
    hub.refs[f"heads/{BRANCH}"] = "7" * 40
    lab.contents[BRANCH], lab.messages[BRANCH] = {}, "a fix by hand"
    for server, requests in (github, gitlab):
        with pytest.raises(UsageError, match="a commit of somebody else"):
            await requests.propose(WANTED)
        server.open(1, BRANCH)
        assert await requests.withdraw(BRANCH, "main") is None
        assert not server.writes


async def test_a_job_of_gitlab_may_not_propose() -> None:
    job = {"GITLAB_CI": "true", "CI_API_V4_URL": "https://gitlab.example/api/v4", "CI_PROJECT_ID": "7"}
    with pytest.raises(UsageError, match="neither commit nor open") as refused:
        forge_address({**job, "CI_JOB_TOKEN": TOKEN}, "").require_writes()
    assert "project access token" in (refused.value.hint or "")
    forge_address({**job, "CI_JOB_TOKEN": TOKEN, "GITLAB_TOKEN": "mine"}, "").require_writes()


async def test_closed_requests(github: tuple[GithubPulls, PullRequests]) -> None:
    """Page by page, the open ones left out; at GitLab merged ones are another list, and the job's token reads both."""
    server, requests = github
    for number in range(1, 251):
        server.open(number, f"b{number}", "closed" if number % 2 else "open")
    assert await requests.closed() == frozenset(range(1, 251, 2))
    assert [path.rpartition("&")[2] for _, path in server.asked] == ["page=1", "page=2"]
    async with (
        serving(GitlabMerges(job=True)) as gitlab,
        gitlab_api(gitlab.api, TOKEN, job=True, settings=QUICK) as api,
    ):
        for number, state in enumerate(("opened", "closed", "merged", "locked"), 1):
            gitlab.open(number, f"b{number}", state)
        merges = GitlabMergeRequests(api, PROJECT)
        assert await merges.closed() == frozenset({2, 3})
        gitlab.faults.append(Fault("GET", "merge_requests", 403))
        with pytest.raises(RegistryError) as refused:
            await merges.closed()
        assert "read_api" in (refused.value.hint or "")


async def test_no_more_than_the_limit_is_read(
    github: tuple[GithubPulls, PullRequests], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, requests = github
    monkeypatch.setattr("pipeline.forge.pull_requests.values.CLOSED", 200)
    for number in range(1, 401):
        server.open(number, f"b{number}", "closed")
    assert await requests.closed() == frozenset(range(201, 401))


async def test_a_response_that_is_none(github: tuple[GithubPulls, PullRequests]) -> None:
    server, requests = github
    server.open(1, "b1", "closed")
    server.pulls[0]["number"] = "x"
    with pytest.raises(RegistryError, match="without what its API documents"):
        await requests.closed()
