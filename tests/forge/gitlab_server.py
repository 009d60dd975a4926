"""GitLab's REST API v4 for releases, release links, packages and tags, as documented: a release that exists is 409, one
of a tag that does not is 422, a job's token reads no tags, a second upload of a file is a second file."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from .server import Server, refused

PROJECT = "acme/images"


@dataclass
class GitlabServer(Server):
    """One project. `job` is for the token of a job; `duplicates` is the group's setting for generic packages."""

    job: bool = False
    project: str = PROJECT
    duplicates: bool = True
    digests: bool = True
    releases: dict[str, dict[str, Any]] = field(default_factory=dict)
    packages: list[dict[str, Any]] = field(default_factory=list)
    _last: int = 0

    @property
    def api(self) -> str:
        """The address of the API, below the path of an installation."""
        return f"{self.url}/code/api/v4"

    def authorized(self, request: web.Request) -> bool:
        return request.headers.get("JOB-TOKEN" if self.job else "PRIVATE-TOKEN") == self.token

    async def respond(self, request: web.Request) -> web.StreamResponse:
        path, method = request.raw_path.partition("?")[0], request.method
        rest = path.removeprefix(f"/code/api/v4/projects/{self.project.replace('/', '%2F')}")
        if rest == path:
            return refused(404, "404 Project Not Found")
        if rest == "":
            return web.json_response({"path_with_namespace": PROJECT})
        if found := re.fullmatch(r"/repository/tags/(.+)", rest):
            assert not self.job, "a job's token may not read tags"
            sha = self.tags.get(unquote(found[1]))
            if sha is None:
                return refused(404, "404 Tag Not Found")
            return web.json_response({"target": "a" * 40, "commit": {"id": sha}})
        if rest == "/packages":
            return self._page(
                request, [p for p in self.packages if request.query["package_name"] in p["name"]]
            )
        if found := re.fullmatch(r"/packages/(\d+)/package_files", rest):
            return self._page(request, self.packages[int(found[1])]["files"])
        if found := re.fullmatch(r"/packages/generic/([^/]+)/([^/]+)/([^/]+)", rest):
            package, version, name = (unquote(part) for part in found.groups())
            if method == "GET":
                return self._get(package, version, name)
            return self._put(package, version, name, await request.read())
        if rest == "/releases" and method == "POST":
            return self._create(await request.json())
        found = re.fullmatch(r"/releases/([^/]+)(/assets/links)?(?:/(\d+))?", rest)
        assert found, (method, rest)
        release = self.releases.get(unquote(found[1]))
        if release is None:
            return refused(404, "404 Not Found")
        if found[2]:
            return self._links(release, request, found[3], await request.read() and await request.json())
        if method == "PUT":
            release |= await request.json()
        return web.json_response(release)

    def files(self, tag: str) -> dict[str, bytes]:
        """What the links of a release download."""
        out = {}
        for link in self.releases[tag]["assets"]["links"]:
            base = f"{self.api}/projects/{self.project.replace('/', '%2F')}/packages/generic/"
            package, version, name = link["url"].removeprefix(base).split("/")
            (of,) = [p for p in self.packages if (p["name"], p["version"]) == (package, version)]
            out[link["name"]] = [f["content"] for f in of["files"] if f["file_name"] == name][-1].encode()
        return out

    def add(
        self, tag: str, description: str = "", links: list[dict[str, str]] | None = None
    ) -> dict[str, Any]:
        """A release."""
        self.releases[tag] = {
            "tag_name": tag,
            "description": description,
            "assets": {"links": [self._numbered(link) for link in links or []]},
            "_links": {"self": f"https://gitlab.example/{PROJECT}/-/releases/{tag}"},
        }
        return self.releases[tag]

    def _create(self, data: dict[str, Any]) -> web.Response:
        tag = data["tag_name"]
        if tag in self.releases:
            return refused(409, "Release already exists")
        if tag not in self.tags:
            return refused(422, "Ref is not specified")
        return web.json_response(self.add(tag, data["description"], data["assets"]["links"]), status=201)

    def _links(
        self, release: dict[str, Any], request: web.Request, number: str | None, data: Any
    ) -> web.Response:
        links = release["assets"]["links"]
        if request.method == "GET":
            return self._page(request, links)
        if request.method == "DELETE":
            links[:] = [link for link in links if link["id"] != int(number or 0)]
            return web.json_response({})
        if any(data["name"] == link["name"] or data["url"] == link["url"] for link in links):
            return refused(400, "Validation failed: Name has already been taken")
        links.append(self._numbered(data))
        return web.json_response(links[-1], status=201)

    def _get(self, package: str, version: str, name: str) -> web.Response:
        (of,) = [p for p in self.packages if (p["name"], p["version"]) == (package, version)]
        return web.Response(text=[f["content"] for f in of["files"] if f["file_name"] == name][-1])

    def _put(self, package: str, version: str, name: str, content: bytes) -> web.Response:
        of = next((p for p in self.packages if (p["name"], p["version"]) == (package, version)), None)
        if of is None:
            of = {"id": len(self.packages), "name": package, "version": version, "files": []}
            self.packages.append(of)
        if not self.duplicates and any(f["file_name"] == name for f in of["files"]):
            return refused(400, "Duplicate package is not allowed")
        entry = {
            "file_name": name,
            "file_sha256": hashlib.sha256(content).hexdigest(),
            "content": content.decode(),
        }
        of["files"].append(self._numbered(entry))
        return web.json_response({"message": "201 Created"}, status=201)

    def _numbered(self, entry: dict[str, Any]) -> dict[str, Any]:
        self._last += 1
        return {"id": self._last, **entry}

    def _page(self, request: web.Request, entries: list[dict[str, Any]]) -> web.Response:
        page, size = int(request.query["page"]), int(request.query["per_page"])
        assert size <= 100, "per_page has a maximum of 100"
        return web.json_response(entries[(page - 1) * size : page * size])
