"""GitHub's REST API for releases and their assets, version 2022-11-28; also that of GitHub Enterprise.

A release is a draft, which only its authors see, until every file is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

import anyio

from pipeline.model import Digest
from pipeline.registry import Access, ClientSettings
from pipeline.registry.http.rest import Call, RestApi
from pipeline.util.concurrency import each

from . import limits
from .refusals import explained
from .values import Asset, FoundRelease, ReleaseActions, ReleaseLimits, WantedRelease

_LIMITS = ReleaseLimits(limits.GITHUB_CHARACTERS, limits.FILES, limits.GITHUB_FILE_BYTES)
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_CONTENT = {**_HEADERS, "Accept": "application/octet-stream"}
_RELEASES_PAGE = 30
_UPLOADS = 4
_HINT = "the job needs permissions: {contents: write}; a token of your own needs Contents: read and write"


def github_api(
    url: str, token: str, access: Access | None = None, settings: ClientSettings | None = None
) -> RestApi:
    """The client of an API: `https://api.github.com`, or that of an Enterprise Server. Raises UsageError."""
    also = [url.replace("://api.", "://uploads.", 1)] if url.startswith("https://api.") else []
    secrets = {"Authorization": f"Bearer {token}"}
    return RestApi(url, secrets, access, settings, [address.rstrip("/") for address in also])


class GithubReleases:
    """The releases of one repository, `OWNER/NAME`."""

    name = "GitHub"
    limits = _LIMITS

    def __init__(self, api: RestApi, project: str) -> None:
        self.project = project
        self._api, self._base = api, f"/repos/{quote(project)}"

    async def commit_of(self, tag: str) -> str | None:
        """The commit of a tag, annotated or not ("Get a commit")."""
        path = f"{self._base}/commits/{quote(f'tags/{tag}', safe='')}"
        call = Call("GET", path, "reading the git tag", self._of(tag), headers=_HEADERS)
        with explained(self.name, _HINT):
            commit = await self._api.find(call, frozenset({404, 422}))
            if commit is None:  # of a repository that the token does not see, the error says so
                await self._api.table(Call("GET", self._base, "reading", self.project, headers=_HEADERS))
            return str(commit["sha"]) if commit else None

    async def find(self, wanted: WantedRelease) -> FoundRelease | None:
        """The published release of the tag, else the newest draft of it."""
        path, subject = f"{self._base}/releases", self._of(wanted.tag)
        one = Call(
            "GET",
            f"{path}/tags/{quote(wanted.tag, safe='')}",
            "reading the release",
            subject,
            headers=_HEADERS,
        )
        with explained(self.name, _HINT):
            data = await self._api.find(one) or await self._draft(wanted.tag)
            return await self._found(data, wanted) if data is not None else None

    async def perform(
        self, actions: ReleaseActions, wanted: WantedRelease, release: FoundRelease | None
    ) -> None:
        """As a draft first; it is published when all files are there."""
        with explained(self.name, _HINT):
            if release is None:
                release = await self._create(actions, wanted)
            elif actions.text is not None:
                await self._edit(release, wanted, body=actions.text, prerelease=wanted.prerelease)
            for asset in actions.delete:
                await self._delete(asset, wanted)
            limiter = anyio.CapacityLimiter(_UPLOADS)
            await each(partial(self._upload, limiter, release, wanted), actions.upload)
            if actions.publish:
                await self._edit(release, wanted, draft=False, make_latest="legacy")  # by version

    async def _draft(self, tag: str) -> Mapping[str, Any] | None:
        call = Call(
            "GET",
            f"{self._base}/releases",
            "listing the releases of",
            self.project,
            headers=_HEADERS,
            limit=limits.PAGE_BYTES,
        )
        for entry in await self._api.pages(call, _RELEASES_PAGE):
            if isinstance(entry, Mapping) and entry.get("tag_name") == tag and entry.get("draft") is True:
                return entry
        return None

    async def _found(self, data: Mapping[str, Any], wanted: WantedRelease) -> FoundRelease:
        call = Call(
            "GET",
            f"{self._base}/releases/{int(data['id'])}/assets",
            "listing the files of",
            self._of(wanted.tag),
            headers=_HEADERS,
        )
        author = _login(data.get("author"))
        entries = await self._api.pages(call)
        assets = await each(partial(self._asset, wanted, author), entries)
        return FoundRelease(
            int(data["id"]),
            str(data["html_url"]),
            str(data.get("body") or ""),
            data.get("prerelease") is True,
            tuple(assets),
            data.get("draft") is True,
            data.get("immutable") is True,
            str(data["upload_url"]).partition("{")[0],
        )

    async def _asset(self, wanted: WantedRelease, author: str, entry: Mapping[str, Any]) -> Asset:
        """A file with its digest: as the API has it, or of its content where it has none (before June 2025)."""
        name, number, ours = str(entry["name"]), int(entry["id"]), _login(entry.get("uploader")) == author
        content = wanted.files.get(name)
        if content is None or entry.get("state") != "uploaded" or entry.get("size") != len(content):
            return Asset(name, number, None, ours or entry.get("state") != "uploaded")
        if isinstance(entry.get("digest"), str):
            return Asset(name, number, Digest(entry["digest"]), ours)
        call = Call(
            "GET",
            f"{self._base}/releases/assets/{number}",
            "reading the file",
            f"{name} of {self._of(wanted.tag)}",
            headers=_CONTENT,
            limit=max(len(content), 2**16),
        )
        return Asset(name, number, Digest.of((await self._api.send(call)).body), ours)

    async def _create(self, actions: ReleaseActions, wanted: WantedRelease) -> FoundRelease:
        data = {
            "tag_name": wanted.tag,
            "target_commitish": wanted.commit,
            "name": wanted.tag,
            "body": actions.text,
            "draft": True,
            "prerelease": wanted.prerelease,
        }
        call = Call(
            "POST",
            f"{self._base}/releases",
            "creating the release",
            self._of(wanted.tag),
            frozenset({201}),
            data,
            headers=_HEADERS,
        )
        made = await self._api.table(call)
        return FoundRelease(
            int(made["id"]),
            str(made["html_url"]),
            "",
            wanted.prerelease,
            (),
            True,
            upload=str(made["upload_url"]).partition("{")[0],
        )

    async def _edit(self, release: FoundRelease, wanted: WantedRelease, **changes: object) -> None:
        path, subject = f"{self._base}/releases/{release.number}", self._of(wanted.tag)
        await self._api.send(
            Call("PATCH", path, "changing the release", subject, data=changes, headers=_HEADERS)
        )

    async def _delete(self, asset: Asset, wanted: WantedRelease) -> None:
        path, subject = (
            f"{self._base}/releases/assets/{asset.number}",
            f"{asset.name} of {self._of(wanted.tag)}",
        )
        accept = frozenset({204, 404})
        await self._api.send(Call("DELETE", path, "deleting the file", subject, accept, headers=_HEADERS))

    async def _upload(
        self, limiter: anyio.CapacityLimiter, release: FoundRelease, wanted: WantedRelease, name: str
    ) -> None:
        call = Call(
            "POST",
            f"{release.upload}?name={quote(name, safe='')}",
            "uploading the file",
            f"{name} of {self._of(wanted.tag)}",
            frozenset({201}),
            content=wanted.files[name],
            headers={**_HEADERS, "Content-Type": "application/octet-stream"},
        )
        async with limiter:
            await self._api.send(call)

    def _of(self, tag: str) -> str:
        return f"{tag} of {self.project}"


def _login(user: object) -> str:
    return str(user.get("login", "")) if isinstance(user, Mapping) else ""
