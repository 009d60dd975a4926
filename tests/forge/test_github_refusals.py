"""What GitHub refuses or answers otherwise: rights, limits, names; and where its token never goes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from pipeline.errors import RegistryError, UsageError
from pipeline.forge.github import GithubReleases, github_api
from pipeline.forge.publish import publish_release
from pipeline.registry import Access, Credentials, HostAccess
from tests.registry.scripted_server import scripted

from .github_server import REPOSITORY, GithubServer
from .server import TOKEN, Fault
from .test_github import FILES, QUICK, publish, wanted

pytestmark = pytest.mark.anyio


async def test_a_tag_that_is_missing_or_elsewhere(github: GithubServer) -> None:
    with pytest.raises(UsageError, match=r"no git tag v9\.9\.9 in acme/images") as missing:
        await publish(github, wanted("v9.9.9"))
    assert "git push origin v9.9.9" in (missing.value.hint or "")
    github.tags["v2.3.0"] = "6" * 40
    with pytest.raises(UsageError, match=r"at commit 666666666666, and the images are those of 555555555555"):
        await publish(github)
    assert not github.writes


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault("POST", "/releases", 403, message="Resource not accessible by integration"), 403),
        (Fault("GET", "/commits", 404), 404),
    ],
)
async def test_a_token_without_rights_is_one_clear_error(
    github: GithubServer, fault: Fault, status: int
) -> None:
    github.faults = [fault]
    if status == 404:
        github.faults.append(Fault("GET", f"/repos/{REPOSITORY}", 404, message="Not Found"))
    with pytest.raises(RegistryError, match=str(status)) as refused:
        await publish(github)
    assert "contents: write" in (refused.value.hint or "")
    assert TOKEN not in str(refused.value.to_json())


async def test_a_wrong_token_is_in_no_error(github: GithubServer) -> None:
    github.token = "another"
    github.faults = []
    with pytest.raises(RegistryError, match="401") as refused:
        await publish(github)
    assert TOKEN not in str(refused.value.to_json()) and TOKEN not in repr(refused.value.__dict__)


async def test_a_long_limit_ends_the_run_with_its_time(github: GithubServer) -> None:
    reset = str(int(time.time() + 3000))
    github.faults = [
        Fault("POST", "/assets", 403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset})
    ]
    with pytest.raises(RegistryError, match="limits the rate of requests until"):
        await publish(github)
    assert (await publish(github)).changed and github.files("v2.3.0") == FILES


@pytest.mark.parametrize("name", ["a b", ".hidden", "dot.", "é", "a/b", "x" * 300, ""])
async def test_names_that_github_would_change(github: GithubServer, name: str) -> None:
    with pytest.raises(UsageError, match="would rename"):
        await publish(github, wanted(files={name: b"1"}))
    assert not github.asked


async def test_more_files_than_a_release_takes(github: GithubServer) -> None:
    with pytest.raises(UsageError, match=r"1,001 files, and GitHub takes 1,000"):
        await publish(github, wanted(files={f"{number}": b"1" for number in range(1001)}))
    assert not github.asked


@pytest.fixture
async def stranger() -> AsyncIterator[list[web.Request]]:
    """The requests of a host that no token is for, and its address as the first one."""
    async with scripted(lambda request: web.Response(body=b"#!/bin/sh\n")) as server:
        server.asked.append(server.host)  # type: ignore[arg-type]
        yield server.asked


async def test_no_token_goes_where_an_upload_address_leads(
    github: GithubServer, stranger: list[web.Request]
) -> None:
    github.uploads = f"http://{stranger.pop(0)}"
    with pytest.raises(RegistryError, match="no host of its own"):
        await publish(github)
    assert not stranger


async def test_a_redirect_to_storage_takes_no_token(
    github: GithubServer, stranger: list[web.Request]
) -> None:
    github.digests = False
    await publish(github)
    github.faults = [Fault("GET", "/releases/assets/", 302, {"Location": f"http://{stranger[0]}/file"})] * 3
    stranger.pop(0)
    assert (await publish(github)).changed, "two of the files have another content there"
    assert len(stranger) == 3 and not any("Authorization" in request.headers for request in stranger)


async def test_a_challenge_gets_no_registrys_credentials(github: GithubServer) -> None:
    github.token = "another"
    github.challenge = {"WWW-Authenticate": "Basic realm=it"}
    known = HostAccess(credentials=Credentials("robot", "registry-secret"))
    async with github_api(github.url, TOKEN, Access({github.host: known}), QUICK) as api:
        with pytest.raises(RegistryError, match="401"):
            await publish_release(GithubReleases(api, REPOSITORY), wanted(), pause=0.001)
    assert len(github.asked) == 1, "nothing is tried with them"


async def test_an_answer_of_another_program(github: GithubServer) -> None:
    github.add("v2.3.0").pop("upload_url")
    with pytest.raises(RegistryError, match="without what its API documents"):
        await publish(github)


def test_a_token_is_sent_over_tls_alone() -> None:
    with pytest.raises(UsageError, match="plain HTTP"):
        github_api("http://api.example.com", TOKEN)
