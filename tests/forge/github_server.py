"""GitHub's REST API 2022-11-28 for releases, assets and commits, as documented: drafts are found in the list alone,
`already_exists` is 422, an upload that broke off leaves an asset in the state `starter`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from .server import Server, refused

REPOSITORY = "acme/images"
BOT, PERSON = "github-actions[bot]", "ada"


@dataclass
class GithubServer(Server):
    """One repository. With `digests` unset it is a server from before June 2025; `uploads` is where files go."""

    releases: list[dict[str, Any]] = field(default_factory=list)
    content: dict[int, bytes] = field(default_factory=dict)
    digests: bool = True
    uploads: str = ""
    login: str = BOT
    _last: int = 0

    def authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.token}"

    async def respond(self, request: web.Request) -> web.StreamResponse:
        path, method = request.raw_path.partition("?")[0], request.method
        rest = path.removeprefix(f"/repos/{REPOSITORY}")
        assert request.headers["X-GitHub-Api-Version"] == "2022-11-28" and request.headers["Accept"]
        if rest == path:
            return refused(404, "Not Found")
        if rest == "":
            return web.json_response({"full_name": REPOSITORY})
        if found := re.fullmatch(r"/commits/tags%2F(.+)", rest):
            sha = self.tags.get(unquote(found[1]))
            if sha is None:
                return refused(422, f"No commit found for SHA: tags/{found[1]}")
            return web.json_response({"sha": sha})
        if found := re.fullmatch(r"/releases/tags/(.+)", rest):
            release = self.of(unquote(found[1]), draft=False)
            return web.json_response(release) if release else refused(404, "Not Found")
        if rest == "/releases":
            return await self._create(request) if method == "POST" else self._page(request, self.releases)
        if found := re.fullmatch(r"/releases/assets/(\d+)", rest):
            return self._asset(method, int(found[1]))
        if found := re.fullmatch(r"/releases/(\d+)/assets", rest):
            assets = next(r for r in self.releases if r["id"] == int(found[1]))["assets"]
            return await self._upload(request, assets) if method == "POST" else self._page(request, assets)
        found = re.fullmatch(r"/releases/(\d+)", rest)
        assert found and method == "PATCH", (method, rest)
        return await self._change(request, next(r for r in self.releases if r["id"] == int(found[1])))

    def of(self, tag: str, *, draft: bool | None = None) -> dict[str, Any] | None:
        """The release of a tag."""
        return next((r for r in self.releases if r["tag_name"] == tag and draft in (None, r["draft"])), None)

    def files(self, tag: str) -> dict[str, bytes | None]:
        """The files of a release; None for one that is not whole."""
        release = self.of(tag)
        assert release
        return {a["name"]: self.content.get(a["id"]) for a in release["assets"]}

    def half(self, request: web.Request) -> None:
        release = self.releases[-1]
        release["assets"].append(self._entry(request.query["name"], b"", "starter"))

    def add(self, tag: str, **more: object) -> dict[str, Any]:
        """A release."""
        self._last += 1
        made = {
            "id": self._last,
            "tag_name": tag,
            "body": "",
            "draft": False,
            "prerelease": False,
            "author": {"login": self.login},
            "html_url": f"https://github.example/{REPOSITORY}/releases/tag/{tag}",
            "upload_url": f"{self.uploads or self.url}/repos/{REPOSITORY}/releases/{self._last}/assets{{?name,label}}",
            "assets": [],
            **more,
        }
        self.releases.append(made)
        return made

    def attach(self, release: dict[str, Any], name: str, content: bytes, state: str = "uploaded") -> None:
        """A file of a release."""
        release["assets"].append(self._entry(name, content, state))

    async def _create(self, request: web.Request) -> web.Response:
        data = await request.json()
        if len(data["body"]) > 125_000:
            error = {"resource": "Release", "code": "custom", "field": "body"}
            message = "body is too long (maximum is 125000 characters)"
            return refused(422, "Validation Failed", errors=[{**error, "message": message}])
        if not data["draft"] and self.of(data["tag_name"]):
            return _exists("Release", "tag_name")
        fields = {key: data[key] for key in ("body", "draft", "prerelease", "name", "target_commitish")}
        return web.json_response(self.add(data["tag_name"], **fields), status=201)

    async def _change(self, request: web.Request, release: dict[str, Any]) -> web.Response:
        data = await request.json()
        other = self.of(release["tag_name"], draft=False)
        if data.get("draft") is False and other and other is not release:
            return _exists("Release", "tag_name")
        release |= data
        return web.json_response(release)

    def _asset(self, method: str, number: int) -> web.Response:
        for release in self.releases:
            for asset in release["assets"]:
                if asset["id"] == number and method == "DELETE":
                    release["assets"].remove(asset)
                    return web.Response(status=204)
                if asset["id"] == number:
                    return web.Response(body=self.content[number])
        return refused(404, "Not Found")

    async def _upload(self, request: web.Request, assets: list[dict[str, Any]]) -> web.Response:
        name = request.query["name"]
        if any(asset["name"] == name for asset in assets):
            return _exists("ReleaseAsset", "name")
        assets.append(self._entry(name, await request.read(), "uploaded"))
        return web.json_response(assets[-1], status=201)

    def _entry(self, name: str, content: bytes, state: str) -> dict[str, Any]:
        self._last += 1
        if state == "uploaded":
            self.content[self._last] = content
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}" if self.digests else None
        return {
            "id": self._last,
            "name": name,
            "state": state,
            "size": len(content),
            "digest": digest,
            "uploader": {"login": self.login},
        }

    def _page(self, request: web.Request, entries: list[dict[str, Any]]) -> web.Response:
        page, size = int(request.query["page"]), int(request.query["per_page"])
        assert size <= 100, "per_page has a maximum of 100"
        return web.json_response(entries[::-1][(page - 1) * size : page * size])


def _exists(resource: str, field: str) -> web.Response:
    error = {"resource": resource, "code": "already_exists", "field": field}
    return refused(422, "Validation Failed", errors=[error])
