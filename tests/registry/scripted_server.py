"""A server on loopback that answers as a test says, for what no real registry here does."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.tools import loopback

Script = Callable[[web.Request], web.StreamResponse]


@dataclass
class Server:
    """Its address, what it was asked, and how it answers."""

    host: str
    script: Script
    asked: list[web.Request] = field(default_factory=list)


@asynccontextmanager
async def scripted(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server whose every answer comes from the script."""
    made = Server("", script)

    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        made.asked.append(request)
        return made.script(request)

    async with loopback.serving(handle, tls) as made.host:
        yield made
