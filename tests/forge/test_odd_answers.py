"""Responses whose fields hold something else than documented: each ends as an error of ours or a release, never as a
traceback, and the token goes nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from aiohttp import web

from pipeline.errors import LockageError

from . import test_github, test_gitlab
from .github_server import GithubServer
from .gitlab_server import GitlabServer
from .server import TOKEN, Server, serving

pytestmark = pytest.mark.anyio

JUNK: tuple[Any, ...] = (None, "\ud800", -1, 10**400, {}, "https://127.0.0.1:1/{?name}")
GITHUB = (
    "sha",
    "id",
    "html_url",
    "upload_url",
    "body",
    "draft",
    "author",
    "assets",
    "name",
    "digest",
    "size",
    "state",
)
GITLAB = (
    "commit",
    "id",
    "_links",
    "description",
    "name",
    "version",
    "url",
    "file_name",
    "file_sha256",
    "size",
)


def changed(data: Any, name: str, junk: Any) -> Any:
    """The data with every field of a name replaced."""
    if isinstance(data, list):
        return [changed(one, name, junk) for one in data]
    if isinstance(data, dict):
        return {key: junk if key == name else changed(value, name, junk) for key, value in data.items()}
    return data


def cases(names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    yield from ((name, junk) for name in names for junk in JUNK)
    yield from (("", junk) for junk in JUNK)


def odd(server: Server, name: str, junk: Any) -> None:
    """Let a server answer like this; without a name the whole body is junk."""
    right = server.respond

    async def respond(request: web.Request) -> web.StreamResponse:
        response = await right(request)
        if not isinstance(response, web.Response) or not response.body or response.status >= 300:
            return response
        data = json.loads(response.text or "") if response.content_type == "application/json" else None
        body = changed(data, name, junk) if name else junk
        return web.Response(text=json.dumps(body), status=response.status, content_type="application/json")

    server.respond = respond  # type: ignore[method-assign]


@pytest.mark.parametrize("half_made", [False, True])
@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_fields_of_any_kind(forge: str, half_made: bool) -> None:
    ended = 0
    async with serving(GithubServer() if forge == "github" else GitlabServer()) as server:
        if half_made and isinstance(server, GithubServer):
            server.attach(server.add("v2.3.0", draft=True, body=""), "install.sh", b"x")
        elif half_made and isinstance(server, GitlabServer):
            await test_gitlab.publish(server)
        before = deepcopy(vars(server))
        for name, junk in cases(GITHUB if forge == "github" else GITLAB):
            vars(server).clear()
            vars(server).update(deepcopy(before))
            odd(server, name, junk)
            try:
                if isinstance(server, GithubServer):
                    await test_github.publish(server, force=True)
                else:
                    await test_gitlab.publish(server, force=True)
            except LockageError as fault:
                ended += 1
                assert TOKEN not in str(fault.to_json())
    assert ended > 20, "what decides is read"
