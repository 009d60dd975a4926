"""A registry that leads elsewhere, and the stranger there who asks for credentials and takes what it gets."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from pipeline.registry import Access, Credentials, HostAccess

from .scripted_server import Server, scripted

ROBOT = Credentials("robot", "CANARY-PASSWORD", "CANARY-IDENTITY")
PASSWORD_ONLY = Credentials("robot", "CANARY-PASSWORD")
READY = Credentials(registry_token="CANARY-READY")
_BASIC = base64.b64encode(b"robot:CANARY-PASSWORD").decode()
SECRETS = ("CANARY", "own-token", _BASIC)

Lead = Callable[[web.Request, str], web.StreamResponse | None]
"""Where the registry leads a request, given the stranger's address; None answers 404."""


@dataclass
class Stranger:
    """Another host than the registry's. It challenges every request, and its token service accepts everything."""

    challenge: str
    server: Server = field(default_factory=lambda: Server("", lambda request: web.Response()))
    script: Callable[[web.Request], web.StreamResponse | None] = lambda request: None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.server.host}"

    async def got_secrets(self) -> list[str]:
        """The requests with something that is the registry's alone, or for a token."""
        found = []
        for request in self.server.asked:
            text = f"{request.raw_path} {dict(request.headers)} {(await request.read()).decode('latin-1')}"
            if "Authorization" in request.headers or any(secret in text for secret in SECRETS):
                found.append(text)
        return found + [r.path for r in self.server.asked if r.path == "/token"]


@asynccontextmanager
async def stranger(challenge: str = "bearer") -> AsyncIterator[Stranger]:
    """A stranger that challenges for `bearer`, `basic` or `both`."""
    made = Stranger(challenge)

    def script(request: web.Request) -> web.StreamResponse:
        if (scripted_response := made.script(request)) is not None:
            return scripted_response
        if request.path == "/token":
            return web.json_response({"token": "of-the-stranger"})
        bearer = f'Bearer realm="{made.url}/token",service="registry",scope="repository:a:pull,push"'
        offers = {"bearer": [bearer], "basic": ['Basic realm="x"'], "both": [bearer, 'Basic realm="x"']}
        response = web.Response(status=401)
        for offer in offers[made.challenge]:
            response.headers.add("WWW-Authenticate", offer)
        return response

    async with scripted(script) as server:
        made.server = server
        yield made


@asynccontextmanager
async def leading(lead: Lead, target: str, guarded: str) -> AsyncIterator[Server]:
    """A registry whose answers come from `lead`. Guarded by `token` or `basic` it challenges first, else never."""

    def script(request: web.Request) -> web.StreamResponse:
        if request.path == "/token":
            return web.json_response({"token": "own-token"})
        allowed = {"token": ("Bearer own-token", "Bearer CANARY-READY"), "basic": (f"Basic {_BASIC}",)}
        if guarded != "open" and request.headers.get("Authorization") not in allowed[guarded]:
            bearer = f'Bearer realm="http://{request.host}/token",service="registry"'
            challenge = bearer if guarded == "token" else 'Basic realm="registry"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        response = lead(request, target)
        return web.Response(status=404) if response is None else response

    async with scripted(script) as server:
        yield server


def known(server: Server, credentials: Credentials = ROBOT) -> Access:
    """Access with the credentials of one registry."""
    return Access({server.host: HostAccess(credentials=credentials)})


def redirect(status: int, *methods: str, part: str = "/v2/") -> Lead:
    """Redirect requests of these methods whose path contains `part`."""

    def lead(request: web.Request, target: str) -> web.StreamResponse | None:
        if request.method in methods and part in request.path:
            return web.Response(status=status, headers={"Location": f"{target}/elsewhere?signature=1"})
        return None

    return lead


def uploading(request: web.Request, target: str) -> web.StreamResponse | None:
    """Open every upload on the stranger."""
    if request.method == "POST":
        return web.Response(status=202, headers={"Location": f"{target}/upload/1?state=s"})
    return None
