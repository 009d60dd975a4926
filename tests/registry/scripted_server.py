"""A server on loopback that answers as a test says, for what no real registry here does."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

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

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{anything:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    made.host = f"localhost:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
