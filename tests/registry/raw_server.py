"""A server on loopback that sends bytes as a test has them, for answers that no HTTP library writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""Answers one request, given the lines of its header."""


@dataclass
class RawServer:
    """Its address, and the headers of the requests that came."""

    host: str = ""
    asked: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def raw(answer: Answer) -> AsyncIterator[RawServer]:
    """A server that answers one request on each connection, and closes it."""
    made, tasks = RawServer(), set[asyncio.Task[None]]()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                request = await reader.readuntil(b"\r\n\r\n")
                made.asked.append(request)
                await answer(request, writer)
                await writer.drain()
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    made.host = f"localhost:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def canned(*parts: bytes) -> Answer:
    """The same bytes for every request."""

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return answer


def response(body: bytes = b"", *headers: str | bytes, status: str = "200 OK", length: bool = True) -> bytes:
    """An HTTP/1.1 response with these header lines."""
    lines = [f"HTTP/1.1 {status}".encode()]
    lines += [line.encode() if isinstance(line, str) else line for line in headers]
    if length:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"Connection: close", b"", body])
