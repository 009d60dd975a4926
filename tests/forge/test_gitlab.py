"""Releases on GitLab: files in a generic package, then a release that links to them; a rerun completes or changes
nothing."""

from __future__ import annotations

import pytest

from pipeline.errors import RegistryError, UsageError
from pipeline.forge.gitlab import PACKAGE, GitlabReleases, gitlab_api
from pipeline.forge.publish import PublishedRelease, publish_release
from pipeline.forge.values import ReleaseNotOurs, WantedRelease
from pipeline.registry import ClientSettings

from .gitlab_server import PROJECT, GitlabServer
from .server import COMMIT, TOKEN, Fault

pytestmark = pytest.mark.anyio

FILES = {"RELEASE.md": b"# v2.3.0\n", "install.sh": b"#!/bin/sh\n", "app-linux-amd64.spdx.json": b"{}" * 900}
QUICK = ClientSettings(backoff=0.001, backoff_max=0.01)


def wanted(tag: str = "v2.3.0", text: str = "# v2.3.0\n\nWhat is new.\n", **more: object) -> WantedRelease:
    given = {"commit": COMMIT, "prerelease": "-" in tag, "files": FILES, **more}
    return WantedRelease(tag, text=text, **given)  # type: ignore[arg-type]


async def publish(
    server: GitlabServer, release: WantedRelease | None = None, **more: bool
) -> PublishedRelease:
    tag = ("v2.3.0", server.tags["v2.3.0"]) if server.job else None
    async with gitlab_api(server.api, TOKEN, job=server.job, settings=QUICK) as api:
        forge = GitlabReleases(api, PROJECT, tag)
        return await publish_release(forge, release or wanted(), pause=0.001, **more)


@pytest.mark.parametrize("job", [True, False])
async def test_the_release_comes_after_its_files(gitlab: GitlabServer, job: bool) -> None:
    gitlab.job = job
    done = await publish(gitlab)
    assert gitlab.files("v2.3.0") == FILES
    assert done == PublishedRelease(
        "https://gitlab.example/acme/images/-/releases/v2.3.0", True, tuple(FILES)
    )
    assert [line.split()[0] for line in gitlab.writes] == ["PUT"] * 3 + ["POST"]
    links = gitlab.releases["v2.3.0"]["assets"]["links"]
    assert [link["direct_asset_path"] for link in links] == [f"/{name}" for name in FILES]
    gitlab.asked.clear()
    assert await publish(gitlab) == PublishedRelease(done.url) and not gitlab.writes
    assert len(gitlab.asked) <= 5


async def test_a_job_takes_the_commit_of_its_own_tag(gitlab: GitlabServer) -> None:
    gitlab.job = True
    gitlab.tags["v2.3.0"] = "6" * 40
    with pytest.raises(UsageError, match="the images are those of 555555555555"):
        await publish(gitlab)
    assert not gitlab.asked


FAULTS = [
    Fault("PUT", "/install.sh", cut=4),
    Fault("PUT", "/install.sh", 502, after=True),
    Fault("PUT", "/install.sh", 502),
    Fault("POST", "/releases", 502),
    Fault("POST", "/releases", 502, after=True),
    Fault("POST", "/releases", 429, {"retry-after": "0"}),
    Fault("GET", "/packages", 429, {"ratelimit-remaining": "0", "ratelimit-reset": "1"}),
    Fault("GET", "/packages", 500),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f.method}{f.part}-{f.status or f.cut}-{f.after}")
async def test_whatever_fails_once_the_release_is_whole(gitlab: GitlabServer, fault: Fault) -> None:
    gitlab.faults = [fault]
    await publish(gitlab)
    assert not gitlab.faults and gitlab.files("v2.3.0") == FILES
    puts = [line for line in gitlab.writes if line.startswith("PUT")]
    assert len(puts) <= 4, "what is there is not uploaded again"


async def test_what_was_left_halfway_is_completed(gitlab: GitlabServer) -> None:
    gitlab.faults = [Fault("PUT", "/app-linux", 502)] * 9
    with pytest.raises(RegistryError, match="uploading the file app-linux-amd64"):
        await publish(gitlab)
    assert not gitlab.releases and len(gitlab.packages[0]["files"]) == 2
    gitlab.faults.clear()
    gitlab.asked.clear()
    await publish(gitlab)
    assert gitlab.files("v2.3.0") == FILES and len([w for w in gitlab.writes if w.startswith("PUT")]) == 1


async def test_another_text_and_another_file(gitlab: GitlabServer) -> None:
    await publish(gitlab)
    files = {**FILES, "install.sh": b"#!/bin/no\n", "more.txt": b"1"}
    done = await publish(gitlab, wanted(text="Another.", files=files))
    assert done.uploaded == ("install.sh", "more.txt") and gitlab.files("v2.3.0") == files
    assert gitlab.releases["v2.3.0"]["description"].startswith("Another.")
    assert not (await publish(gitlab, wanted(text="Another.", files=files))).changed


async def test_a_server_without_digests(gitlab: GitlabServer) -> None:
    gitlab.digests = False
    await publish(gitlab)
    gitlab.asked.clear()
    assert not (await publish(gitlab)).changed
    assert (await publish(gitlab, wanted(files={**FILES, "install.sh": b"#!/bin/no\n"}))).changed


async def test_a_release_and_a_link_by_somebody_else_stay_unless_forced(gitlab: GitlabServer) -> None:
    link = {"name": "install.sh", "url": "https://example.com/install.sh"}
    gitlab.add("v2.3.0", "By hand.", [link])
    with pytest.raises(ReleaseNotOurs, match="made by somebody else"):
        await publish(gitlab)
    assert not gitlab.writes
    await publish(gitlab, force=True)
    assert gitlab.files("v2.3.0") == FILES
    gitlab.releases["v2.3.0"]["assets"]["links"][0]["url"] = "https://example.com/other"
    with pytest.raises(ReleaseNotOurs, match="put there by somebody else"):
        await publish(gitlab)


async def test_a_text_that_somebody_edited_stays(gitlab: GitlabServer) -> None:
    await publish(gitlab)
    release = gitlab.releases["v2.3.0"]
    release["description"] = release["description"].replace("What is new.", "By hand.")
    gitlab.asked.clear()
    assert (await publish(gitlab)).edited and not gitlab.writes


async def test_a_tag_that_is_missing(gitlab: GitlabServer) -> None:
    with pytest.raises(UsageError, match=r"no git tag v9\.9\.9"):
        await publish(gitlab, wanted("v9.9.9"))


async def test_packages_that_may_not_be_replaced(gitlab: GitlabServer) -> None:
    gitlab.duplicates = False
    await publish(gitlab)
    with pytest.raises(RegistryError, match="400") as refused:
        await publish(gitlab, wanted(files={**FILES, "install.sh": b"#!/bin/no\n"}))
    assert "Duplicate package" in (refused.value.detail or "")


async def test_a_package_of_a_longer_name_is_another(gitlab: GitlabServer) -> None:
    """The filter of the API is a search."""
    gitlab._put(f"{PACKAGE}-notes", "v2.3.0", "install.sh", FILES["install.sh"])
    await publish(gitlab)
    assert gitlab.files("v2.3.0") == FILES


async def test_a_token_without_rights(gitlab: GitlabServer) -> None:
    gitlab.token = "another"
    with pytest.raises(RegistryError, match="401") as refused:
        await publish(gitlab)
    assert "CI_JOB_TOKEN" in (refused.value.hint or "") and TOKEN not in str(refused.value.to_json())
