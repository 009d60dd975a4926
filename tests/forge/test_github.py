"""Releases on GitHub: made as drafts, published whole, completed by a rerun, and never over somebody else's."""

from __future__ import annotations

import pytest

from pipeline.errors import RegistryError
from pipeline.forge.github import GithubReleases, github_api
from pipeline.forge.publish import PublishedRelease, publish_release
from pipeline.forge.values import ReleaseNotOurs, WantedRelease
from pipeline.registry import ClientSettings
from pipeline.util.concurrency import each

from .github_server import BOT, PERSON, REPOSITORY, GithubServer
from .server import COMMIT, TOKEN, Fault

pytestmark = pytest.mark.anyio

FILES = {"RELEASE.md": b"# v2.3.0\n", "install.sh": b"#!/bin/sh\n", "app-linux-amd64.spdx.json": b"{}" * 900}
QUICK = ClientSettings(backoff=0.001, backoff_max=0.01)


def wanted(tag: str = "v2.3.0", text: str = "# v2.3.0\n\nWhat is new.\n", **more: object) -> WantedRelease:
    given = {"commit": COMMIT, "prerelease": "-" in tag, "files": FILES, **more}
    return WantedRelease(tag, text=text, **given)  # type: ignore[arg-type]


async def publish(
    server: GithubServer, release: WantedRelease | None = None, **more: bool
) -> PublishedRelease:
    async with github_api(server.url, TOKEN, settings=QUICK) as api:
        return await publish_release(
            GithubReleases(api, REPOSITORY), release or wanted(), pause=0.001, **more
        )


async def test_a_release_is_a_draft_until_all_its_files_are_there(github: GithubServer) -> None:
    done = await publish(github)
    release = github.of("v2.3.0")
    assert release and not release["draft"] and not release["prerelease"] and github.files("v2.3.0") == FILES
    assert release["body"].startswith("# v2.3.0\n\nWhat is new.\n") and release["target_commitish"] == COMMIT
    assert done == PublishedRelease(release["html_url"], True, tuple(FILES))
    assert [line.split()[0] for line in github.writes] == ["POST"] * 4 + ["PATCH"]


async def test_a_rerun_reads_and_changes_nothing(github: GithubServer) -> None:
    url = (await publish(github)).url
    github.asked.clear()
    assert await publish(github) == PublishedRelease(url)
    assert not github.writes and len(github.asked) == 3


async def test_a_version_with_a_suffix_is_a_prerelease(github: GithubServer) -> None:
    await publish(github, wanted("v2.4.0-rc.1"))
    release = github.of("v2.4.0-rc.1")
    assert release and release["prerelease"] is True


FAULTS = [
    Fault("POST", "/releases", 502),
    Fault("POST", "/releases", 502, after=True),
    Fault("POST", "/assets", cut=5),
    Fault("POST", "/assets", cut=0),
    Fault("POST", "/assets", 502, after=True),
    Fault("PATCH", "/releases/", 502),
    Fault("PATCH", "/releases/", 502, after=True),
    Fault("GET", "/assets", 503),
    Fault("POST", "/assets", 403, {"retry-after": "0"}, "You have exceeded a secondary rate limit."),
    Fault("GET", "/commits", 403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}),
    Fault("POST", "/releases", 429, {"retry-after": "0"}),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f.method}{f.part}-{f.status or f.cut}-{f.after}")
async def test_whatever_fails_once_the_release_is_whole(github: GithubServer, fault: Fault) -> None:
    github.faults = [fault]
    await publish(github)
    assert not github.faults, "it happened"
    release = github.of("v2.3.0")
    assert release and not release["draft"] and github.files("v2.3.0") == FILES
    assert len([r for r in github.releases if not r["draft"]]) == 1


async def test_what_was_left_halfway_is_completed(github: GithubServer) -> None:
    github.faults = [Fault("POST", "install.sh", cut=3), *[Fault("POST", "install.sh", 502)] * 9]
    with pytest.raises(RegistryError, match=r"uploading the file install.sh of v2\.3\.0 of acme/images"):
        await publish(github)
    release = github.of("v2.3.0")
    assert release and release["draft"]
    github.faults.clear()
    github.asked.clear()
    assert (await publish(github)).uploaded == ("install.sh",)
    assert not release["draft"] and github.files("v2.3.0") == FILES
    assert "POST /repos/acme/images/releases" not in github.writes, "the draft is taken up"


async def test_files_of_several_pages(github: GithubServer) -> None:
    files = {f"{number}.json": str(number).encode() for number in range(230)}
    assert (await publish(github, wanted(files=files))).changed and github.files("v2.3.0") == files
    github.asked.clear()
    assert not (await publish(github, wanted(files=files))).changed
    pages = [path for _, path in github.asked if "/assets?" in path]
    assert [path.rpartition("=")[2] for path in pages] == ["1", "2", "3"]


async def test_two_jobs_at_once_publish_one_release(github: GithubServer) -> None:
    done = await each(lambda _: publish(github), range(2))
    assert len({one.url for one in done}) == 1
    (release,) = [one for one in github.releases if not one["draft"]]
    assert {asset["name"] for asset in release["assets"] if asset["state"] == "uploaded"} == set(FILES)


async def test_a_draft_among_many_releases(github: GithubServer) -> None:
    github.faults = [Fault("PATCH", "/releases/", 502)] * 6
    with pytest.raises(RegistryError):
        await publish(github)
    for number in range(70):
        github.add(f"v1.{number}.0")
    await publish(github)
    assert len(github.releases) == 71 and not github.releases[0]["draft"]


async def test_files_of_a_server_without_digests_are_compared_by_content(github: GithubServer) -> None:
    github.digests = False
    await publish(github)
    github.asked.clear()
    assert not (await publish(github)).changed
    changed = wanted(files={**FILES, "install.sh": b"#!/bin/no\n"})
    assert (await publish(github, changed)).uploaded == ("install.sh",)
    assert github.files("v2.3.0")["install.sh"] == b"#!/bin/no\n"


async def test_somebody_elses_release_stays_unless_forced(github: GithubServer) -> None:
    release = github.add("v2.3.0", body="By hand.", author={"login": PERSON})
    with pytest.raises(
        ReleaseNotOurs, match=r"the release v2.3.0 was made by somebody else: https://"
    ) as refused:
        await publish(github)
    assert "--force" in (refused.value.hint or "") and not github.writes
    await publish(github, force=True)
    assert "What is new" in release["body"] and github.files("v2.3.0") == FILES
    assert not (await publish(github)).changed


async def test_a_text_that_somebody_edited_stays(github: GithubServer) -> None:
    await publish(github)
    release = github.of("v2.3.0")
    assert release
    release["body"] = release["body"].replace("What is new.", "What is new, in words.").replace("\n", "\r\n")
    github.asked.clear()
    done = await publish(github, wanted(text="# v2.3.0\n\nAnother text.\n"))
    assert done.edited and not done.changed and not github.writes
    await publish(github, force=True)
    assert "in words" not in release["body"]


async def test_a_text_of_ours_is_replaced(github: GithubServer) -> None:
    await publish(github)
    assert (await publish(github, wanted(text="# v2.3.0\n\nWith another commit.\n"))).changed
    release = github.of("v2.3.0")
    assert release and "another commit" in release["body"] and len(github.releases) == 1


async def test_files_are_replaced_only_if_ours(github: GithubServer) -> None:
    await publish(github)
    release = github.of("v2.3.0")
    assert release
    (asset,) = [a for a in release["assets"] if a["name"] == "install.sh"]
    asset |= {"digest": "sha256:" + "0" * 64, "uploader": {"login": PERSON}}
    github.login = PERSON
    github.attach(release, "by-hand.txt", b"stays")
    github.login = BOT
    with pytest.raises(ReleaseNotOurs, match=r"the file install\.sh of the release v2\.3\.0"):
        await publish(github)
    assert (await publish(github, force=True)).uploaded == ("install.sh",)
    assert github.files("v2.3.0") == {**FILES, "by-hand.txt": b"stays"}


async def test_an_immutable_release_is_not_touched(github: GithubServer) -> None:
    await publish(github)
    release = github.of("v2.3.0")
    assert release
    release["immutable"] = True
    assert not (await publish(github)).changed
    with pytest.raises(ReleaseNotOurs, match="immutable"):
        await publish(github, wanted(files={**FILES, "more.txt": b"1"}), force=True)


async def test_a_long_text_ends_at_a_line_and_names_the_whole(github: GithubServer) -> None:
    await publish(github, wanted(text="# v2.3.0\n" + "- a commit, é\n" * 20_000))
    release = github.of("v2.3.0")
    assert release and 124_000 < len(release["body"]) <= 125_000
    assert "- a commit, é\n\n*This is not all of it: RELEASE.md" in release["body"]
    assert not (await publish(github, wanted(text="# v2.3.0\n" + "- a commit, é\n" * 20_000))).changed
