"""GitHub's API for packages as its documentation has it (REST API 2022-11-28), over a real registry's repository.

A version is a manifest with all of its tags. Versions come in pages, the newest first; deletion is 204, and takes the
manifest from the registry. It refuses the last tagged version, and versions of public packages with more than 5,000
downloads, with 400; it limits the rate of requests with 403 and x-ratelimit-reset, or 429 and retry-after.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

from aiohttp import web

from pipeline.model import Digest, Repository
from pipeline.registry import Registry
from pipeline.util.timestamps import format_timestamp
from tests.tools import loopback

_POPULAR = "Publicly visible package versions with more than 5000 downloads cannot be deleted."
_LAST = "You cannot delete the last tagged version of a package. You must delete the package instead."


@dataclass
class Packages:
    """One package of a user's (`users`) or an organization's (`orgs`)."""

    registry: Registry
    repository: Repository
    kind: str = "orgs"
    token: str = "secret"
    host: str = ""
    pushed: dict[Digest, int] = field(default_factory=dict)
    popular: set[Digest] = field(default_factory=set)
    limits: list[dict[str, str]] = field(default_factory=list)
    """Headers of the next responses, which refuse for the rate of requests."""
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def versions(self) -> list[dict[str, object]]:
        tags: dict[Digest, list[str]] = {}
        for tag in await self.registry.tags(self.repository):
            head = await self.registry.head(self.repository.tagged(tag))
            if head is not None:
                tags.setdefault(head.digest, []).append(tag)
        found = []
        for number, (digest, time_) in enumerate(self.pushed.items(), 1):
            if await self.registry.head(self.repository.at(digest)) is None:
                continue
            container = {"package_type": "container", "container": {"tags": tags.get(digest, [])}}
            date = format_timestamp(time_)
            found.append(
                {
                    "id": number,
                    "name": str(digest),
                    "created_at": date,
                    "updated_at": date,
                    "metadata": container,
                }
            )
        return found[::-1]

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.raw_path))
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _refused(401, "Bad credentials")
        if self.limits:
            headers = self.limits.pop(0)
            return _refused(429 if "retry-after" in headers else 403, "API rate limit exceeded", headers)
        owner, _, name = self.repository.path.partition("/")
        kind, of, _, type_, package, rest, *number = (
            unquote(request.raw_path.partition("?")[0]).replace(f"/{name}/", "/{name}/").strip("/").split("/")
        )
        if (kind, of, type_, package, rest) != (self.kind, owner, "container", "{name}", "versions"):
            return _refused(404, "Package not found.")
        assert f"/{name.replace('/', '%2F')}/" in request.raw_path, (
            "the name of a package is one part of the path"
        )
        versions = await self.versions()
        if request.method == "GET":
            page, size = int(request.query["page"]), int(request.query["per_page"])
            return web.json_response(versions[(page - 1) * size : page * size])
        digest = next((Digest(str(v["name"])) for v in versions if str(v["id"]) == number[0]), None)
        if digest is None:
            return _refused(404, "Package not found.")
        if digest in self.popular:
            return _refused(400, f"{_POPULAR} Contact GitHub support for further assistance.")
        tagged = [v["name"] for v in versions if v["metadata"]["container"]["tags"]]  # type: ignore[index]
        if tagged == [str(digest)]:
            return _refused(400, _LAST)
        await self.registry.delete(self.repository.at(digest))
        return web.Response(status=204)


def _refused(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"message": message, "status": str(status)}, status=status, headers=headers)


def exhausted(seconds: float) -> dict[str, str]:
    """The headers of the primary limit, which ends in so many seconds."""
    return {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time() + seconds))}


@asynccontextmanager
async def serving(packages: Packages) -> AsyncIterator[Packages]:
    """The API at `packages.host`."""
    async with loopback.serving(packages.answer) as packages.host:
        yield packages
