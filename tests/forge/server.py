"""What the imitated forges share: a token, requests that were made, and faults that a test plants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web
from anyio.from_thread import start_blocking_portal

from tests.tools import loopback

COMMIT = "5" * 40
TOKEN = "forge-secret-0123456789abcdef0123456789"


@dataclass
class Fault:
    """What becomes of the next request with this method whose path holds `part`.

    `cut` reads so many bytes of it and closes the connection; `after` does what is asked, and then fails.
    """

    method: str
    part: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "planted"
    cut: int | None = None
    after: bool = False


@dataclass
class Server:
    """One forge; `host` once it is serving."""

    token: str = TOKEN
    host: str = ""
    faults: list[Fault] = field(default_factory=list)
    challenge: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=lambda: {"v2.3.0": COMMIT, "v2.4.0-rc.1": COMMIT})

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://{self.host}"

    @property
    def writes(self) -> list[str]:
        """The requests that change something, without their queries."""
        return [f"{m} {path.partition('?')[0]}" for m, path in self.asked if m not in ("GET", "HEAD")]

    def authorized(self, request: web.Request) -> bool:
        """Whether the request has the token in the documented header."""
        raise NotImplementedError

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """As the API is documented."""
        raise NotImplementedError

    def half(self, request: web.Request) -> None:
        """What remains of an upload that broke off."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.raw_path))
        if not self.authorized(request):
            return refused(401, "Bad credentials", self.challenge)
        fault = next(
            (f for f in self.faults if f.method == request.method and f.part in request.raw_path), None
        )
        if fault is None:
            return await self.respond(request)
        self.faults.remove(fault)
        if fault.cut is not None:
            await request.content.readexactly(fault.cut)
            self.half(request)
            assert request.transport
            request.transport.abort()
            return web.Response()
        if fault.after:
            await self.respond(request)
        return refused(fault.status, fault.message, fault.headers)


def refused(status: int, message: str, headers: dict[str, str] | None = None, **more: object) -> web.Response:
    return web.json_response({"message": message, **more}, status=status, headers=headers)


S = TypeVar("S", bound=Server)


@asynccontextmanager
async def serving(server: S) -> AsyncIterator[S]:
    """The forge on loopback."""
    async with loopback.serving(server.handle) as server.host:
        yield server


@contextmanager
def running(server: S) -> Iterator[S]:
    """The same beside a test that is not asynchronous, such as one that waits for a process."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving(server)):
        yield server
