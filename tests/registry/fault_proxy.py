"""A proxy on loopback that passes requests to a real registry and misbehaves on request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import anyio
from aiohttp import web

from tests.tools import loopback

Plan = Callable[[int, web.Request], str | None]
"""The fault for the n-th request (from 1), or None."""

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"}


@dataclass
class Proxy:
    """Counts what it was asked and which faults it made."""

    host: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    under_way: int = 0
    """Requests that have come and are not answered yet; they go on when their client is gone."""
    ended: anyio.Event = field(default_factory=anyio.Event)
    plan: Plan = lambda number, request: None
    gate: Callable[[web.Request], Awaitable[web.StreamResponse | None]] | None = None
    """Answers instead of the registry, as one that asks for a token does."""

    async def settled(self) -> None:
        """Wait until nothing is under way to the registry."""
        while self.under_way:
            self.ended = anyio.Event()
            await self.ended.wait()

    def every(self, step: int, *kinds: str) -> None:
        """From now on one fault in so many requests, the kinds in turn."""
        start = len(self.asked)

        def plan(number: int, request: web.Request) -> str | None:
            number -= start
            return kinds[number // step % len(kinds)] if number % step == 0 else None

        self.plan = plan

    def first(self, count: int, kind: str) -> None:
        """From now on a fault in the first so many requests."""
        end = len(self.asked) + count
        self.plan = lambda number, request: kind if number <= end else None


@asynccontextmanager
async def faulty(upstream: str) -> AsyncIterator[Proxy]:
    """A faulty front of a registry, at `localhost:PORT`."""
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(auto_decompress=False, timeout=timeout) as session:
        proxy = Proxy("")

        async def handle(request: web.Request) -> web.StreamResponse:
            proxy.under_way += 1
            try:
                return await _handle(proxy, session, upstream, request)
            finally:
                proxy.under_way -= 1
                proxy.ended.set()

        async with loopback.serving(handle) as proxy.host:
            yield proxy


async def _handle(
    proxy: Proxy, session: aiohttp.ClientSession, upstream: str, request: web.Request
) -> web.StreamResponse:
    proxy.asked.append((request.method, request.path_qs))
    if proxy.gate is not None and (answered := await proxy.gate(request)) is not None:
        return answered
    kind = proxy.plan(len(proxy.asked), request)
    if kind:
        proxy.made.append(kind)
    if kind == "reset":
        return _reset(request)
    if kind in ("429", "503", "500", "408"):
        return _refuse(int(kind), {})
    if kind == "429 with Retry-After":
        return _refuse(429, {"Retry-After": "0"})
    if kind == "429 as ghcr":
        return _refuse(429, {}, "retry-after: 1.5ms, allowed: 44000/minute")
    headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
    body = await request.read()
    async with session.request(
        request.method,
        f"http://{upstream}{request.path_qs}",
        headers=headers,
        data=body,
        allow_redirects=False,
    ) as answer:
        content = await answer.read()
        out = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP}
        if "Location" in out:
            out["Location"] = out["Location"].replace(f"http://{upstream}", f"http://{proxy.host}")
        if request.method == "HEAD":
            out["Content-Length"] = answer.headers.get("Content-Length", "0")
        status = answer.status
    if kind == "500 after":
        return _refuse(500, {})
    if kind == "reset after":
        return _reset(request)
    if kind == "corrupt" and content and status == 200:
        content = bytes([content[0] ^ 1]) + content[1:]
    if kind == "truncated" and len(content) > 1:
        return await _truncated(request, status, out, content)
    return web.Response(status=status, headers=out, body=None if request.method == "HEAD" else content)


def _refuse(status: int, headers: dict[str, str], message: str = "made by the test") -> web.Response:
    body = {"errors": [{"code": "TOOMANYREQUESTS" if status == 429 else "UNKNOWN", "message": message}]}
    return web.json_response(body, status=status, headers=headers)


def _reset(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:  # the client may have gone first
        request.transport.abort()
    return web.Response(status=500)


async def _truncated(
    request: web.Request, status: int, headers: dict[str, str], content: bytes
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers | {"Content-Length": str(len(content))})
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    assert request.transport is not None
    request.transport.close()
    return response
