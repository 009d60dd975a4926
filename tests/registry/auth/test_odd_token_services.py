"""Challenges and token services that are written otherwise than most, from a scripted server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiohttp import web

from pipeline.model import Descriptor, Repository
from pipeline.registry import Access, ClientSettings, Credentials, HostAccess, Registry
from tests.registry import images
from tests.registry.scripted_server import scripted

pytestmark = pytest.mark.anyio

QUICK = ClientSettings(backoff=0.001, backoff_max=0.01, attempts=2)
IMAGE = images.manifest_of(Descriptor.of(b"{}", "application/x"), [])
Challenge = Callable[[str], list[str]]


def usual(realm: str) -> list[str]:
    return [f'Bearer realm="{realm}",service="s",scope="repository:a:pull"']


async def tokens(challenge: Challenge, answer: object, status: int = 200) -> list[web.Request]:
    """The requests for tokens of a client that reads a manifest twice."""

    def script(request: web.Request) -> web.Response:
        if request.path == "/token":
            return web.json_response(answer, status=status)
        if request.headers.get("Authorization") == "Bearer T":
            return web.Response(body=IMAGE.raw, content_type=IMAGE.media_type)
        refused = web.Response(status=401)
        for value in challenge(f"http://{request.host}/token"):
            refused.headers.add("WWW-Authenticate", value)
        return refused

    async with scripted(script) as server:
        access = Access({server.host: HostAccess(credentials=Credentials("user", "secret"))})
        async with Registry(access, QUICK) as registry:
            for _ in range(2):
                assert await registry.get_manifest(Repository(server.host, "a").tagged("1")) == IMAGE
        return [request for request in server.asked if request.path == "/token"]


@pytest.mark.parametrize(
    "challenge",
    [
        usual,
        lambda realm: [f"Bearer realm={realm},service=s"],
        lambda realm: [f'bEARER REALM="{realm}" , Service = "s"'],
        lambda realm: [f'Bearer service="s" realm="{realm}"'],
        lambda realm: [f'Bearer error="invalid_token",service="s",realm="{realm}?"'],
        lambda realm: [f'Bearer realm="{realm}#part",service="s"'],
        lambda realm: [f'Bearer realm="{realm}?account=x&",service="s"'],
        lambda realm: ["Negotiate", 'Basic realm="x"', *usual(realm)],
        lambda realm: ['Digest realm="x", nonce="YQ==", qop="auth", ' + usual(realm)[0]],
    ],
)
async def test_challenges(challenge: Challenge) -> None:
    asked = await tokens(challenge, {"token": "T"})
    assert [request.query.get("service") for request in asked] == ["s"]
    assert asked[0].query.getall("scope") == ["repository:a:pull"]


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "T"},
        {"token": "", "access_token": "T"},
        {"token": None, "access_token": "T", "expires_in": None},
        *({"token": "T", "expires_in": seconds} for seconds in (0, -5, "300", 300.5, True, 1e300, [])),
        {"token": "T", "issued_at": "yesterday", "refresh_token": 7},
    ],
)
@pytest.mark.parametrize("status", [200, 201])
async def test_answers(answer: dict[str, object], status: int) -> None:
    assert len(await tokens(usual, answer, status)) == 1
