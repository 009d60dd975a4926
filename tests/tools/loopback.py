"""A server of aiohttp on loopback, whatever it answers."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Its `localhost:PORT`; `handler` gets every request, of at most 1 GiB."""
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{anything:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield f"localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
