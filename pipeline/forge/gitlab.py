"""GitLab's REST API v4 for releases: files go to the project's generic packages, and the release links to them.

GitLab has no drafts, so the release is created when all its files are there; and no prereleases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from pipeline.model import Digest
from pipeline.registry import Access, ClientSettings
from pipeline.registry.http.rest import Call, RestApi

from . import limits
from .refusals import explained
from .values import Asset, FoundRelease, ReleaseActions, ReleaseLimits, WantedRelease

_LIMITS = ReleaseLimits(limits.GITLAB_CHARACTERS, limits.FILES, limits.GITLAB_FILE_BYTES)
PACKAGE = "release"
"""The generic package whose versions are the releases."""
_HINT = (
    "CI_JOB_TOKEN is enough for a job of the project that somebody with the Developer role started; "
    "a token of your own needs the scope api"
)
_JOB = "JOB-TOKEN"
_CREATED = frozenset({200, 201})
_GONE = frozenset({200, 204, 404})


def gitlab_api(
    url: str,
    token: str,
    access: Access | None = None,
    *,
    job: bool = False,
    settings: ClientSettings | None = None,
) -> RestApi:
    """The client of an API, such as `https://gitlab.com/api/v4`; `job` for the token of a job. Raises UsageError."""
    return RestApi(url, {_JOB if job else "PRIVATE-TOKEN": token}, access, settings)


class GitlabReleases:
    """The releases of one project, by its number or path.

    `tag` is the tag of the job's pipeline with its commit: a job's token may not read tags.
    """

    name = "GitLab"
    limits = _LIMITS

    def __init__(self, api: RestApi, project: str, tag: tuple[str, str] | None = None) -> None:
        self.project = project
        self._api, self._base, self._tag = api, f"/projects/{quote(project, safe='')}", tag

    async def commit_of(self, tag: str) -> str | None:
        """The commit of a tag, annotated or not ("Tags API")."""
        if self._tag and self._tag[0] == tag:
            return self._tag[1]
        call = Call(
            "GET", f"{self._base}/repository/tags/{quote(tag, safe='')}", "reading the git tag", self._of(tag)
        )
        with explained(self.name, _HINT):
            tag_data = await self._api.find(call)
            if tag_data is None:  # of a project that the token does not see, the error says so
                await self._api.table(Call("GET", self._base, "reading", self.project))
            return str(tag_data["commit"]["id"]) if tag_data else None

    async def find(self, wanted: WantedRelease) -> FoundRelease | None:
        """The release of the tag, and which files of its package it links to."""
        tag = wanted.tag
        with explained(self.name, _HINT):
            data = await self._api.find(Call("GET", self._release(tag), "reading the release", self._of(tag)))
            if data is None:
                return None
            call = Call("GET", f"{self._release(tag)}/assets/links", "listing the files of", self._of(tag))
            links, packaged = await self._api.pages(call), await self._package(wanted)
            assets = [
                Asset(
                    str(link["name"]),
                    int(link["id"]),
                    packaged.get(str(link["name"])) if ours else None,
                    ours,
                )
                for link in links
                for ours in (link["url"] == self._address(tag, str(link["name"])),)
            ]
            url, body = str(data["_links"]["self"]), str(data.get("description") or "")
            return FoundRelease(0, url, body, wanted.prerelease, tuple(assets))

    async def perform(
        self, actions: ReleaseActions, wanted: WantedRelease, release: FoundRelease | None
    ) -> None:
        """Files one by one, as the API wants those of one package; then the release, which links to them."""
        tag, subject = wanted.tag, self._of(wanted.tag)
        with explained(self.name, _HINT):
            packaged = await self._package(wanted) if actions.upload else {}
            for name in actions.upload:
                if packaged.get(name) != wanted.digest(name):
                    await self._upload(wanted, name)
            if release is None:
                links = [self._link(tag, name) for name in actions.upload]
                data = {"tag_name": tag, "name": tag, "description": actions.text, "assets": {"links": links}}
                path = f"{self._base}/releases"
                await self._api.send(Call("POST", path, "creating the release", subject, _CREATED, data))
                return
            if actions.text is not None:
                data = {"description": actions.text}
                await self._api.send(
                    Call("PUT", self._release(tag), "changing the release", subject, data=data)
                )
            path = f"{self._release(tag)}/assets/links"
            for asset in actions.delete:
                call = Call("DELETE", f"{path}/{asset.number}", "unlinking a file of", subject, _GONE)
                await self._api.send(call)
            for name in actions.upload:
                link = self._link(tag, name)
                await self._api.send(Call("POST", path, "linking a file of", subject, _CREATED, link))

    async def _package(self, wanted: WantedRelease) -> Mapping[str, Digest]:
        """The files of the release's package, each with the digest of what is downloaded: that of the newest upload."""
        query = urlencode({"package_type": "generic", "package_name": PACKAGE, "package_version": wanted.tag})
        subject = self._of(wanted.tag)
        packages = await self._api.pages(
            Call("GET", f"{self._base}/packages?{query}", "listing the packages of", subject)
        )
        newest: dict[str, Mapping[str, Any]] = {}
        for package in packages:
            if (package["name"], package["version"]) != (PACKAGE, wanted.tag):  # the filter is a search
                continue
            path = f"{self._base}/packages/{int(package['id'])}/package_files"
            for entry in await self._api.pages(Call("GET", path, "listing the files of", subject)):
                name = str(entry["file_name"])
                if name not in newest or int(entry["id"]) > int(newest[name]["id"]):
                    newest[name] = entry
        digests = {
            name: await self._digest(wanted, name, newest[name]) for name in wanted.files if name in newest
        }
        return {name: digest for name, digest in digests.items() if digest}

    async def _digest(self, wanted: WantedRelease, name: str, entry: Mapping[str, Any]) -> Digest | None:
        """That of a file as the API has it, or else of its content; None for one of another size."""
        if entry.get("file_sha256"):
            return Digest(f"sha256:{entry['file_sha256']}")
        size = len(wanted.files[name])
        if entry.get("size") != size:
            return None
        path, subject = self._file(wanted.tag, name), f"{name} of {self._of(wanted.tag)}"
        content = await self._api.send(Call("GET", path, "reading the file", subject, limit=max(size, 2**16)))
        return Digest.of(content.body)

    async def _upload(self, wanted: WantedRelease, name: str) -> None:
        call = Call(
            "PUT",
            self._file(wanted.tag, name),
            "uploading the file",
            f"{name} of {self._of(wanted.tag)}",
            frozenset({200, 201}),
            content=wanted.files[name],
            headers={"Content-Type": "application/octet-stream"},
        )
        await self._api.send(call)

    def _link(self, tag: str, name: str) -> Mapping[str, str]:
        return {"name": name, "url": self._address(tag, name), "direct_asset_path": f"/{name}"}

    def _address(self, tag: str, name: str) -> str:
        return f"{self._api.url}{self._file(tag, name)}"

    def _file(self, tag: str, name: str) -> str:
        return f"{self._base}/packages/generic/{PACKAGE}/{quote(tag, safe='')}/{quote(name, safe='')}"

    def _release(self, tag: str) -> str:
        return f"{self._base}/releases/{quote(tag, safe='')}"

    def _of(self, tag: str) -> str:
        return f"{tag} of {self.project}"
