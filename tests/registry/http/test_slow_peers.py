"""Peers that trickle: each ends as one error. The rate is one that no trickle reaches, on the slowest machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Repository
from pipeline.registry import ClientSettings, Registry
from tests.registry import images
from tests.registry.conftest import fresh
from tests.registry.raw_server import raw, response

pytestmark = [pytest.mark.anyio, pytest.mark.real]

SETTINGS = ClientSettings(backoff=0.001, min_rate=2**20, rate_window=0.1, slow_attempts=2)
GOOD = images.manifest_of(Descriptor.of(b"{}", "application/x"), [])
BLOB = Descriptor.of(bytes(1 << 20), "application/octet-stream")
LARGE = bytes(64 << 20)
"""More than the buffers of a connection hold."""

Operation = Callable[[Registry, Repository], Awaitable[object]]
get: Operation = lambda registry, repo: registry.get_manifest(repo.tagged("1"))  # noqa: E731
blob: Operation = lambda registry, repo: registry.blob(repo, BLOB)  # noqa: E731
tags: Operation = lambda registry, repo: registry.tags(repo)  # noqa: E731
put: Operation = lambda registry, repo: registry.put_blob(repo, LARGE)  # noqa: E731


async def trickle(writer: asyncio.StreamWriter, start: bytes = b"", part: bytes = b"x") -> None:
    """Send the start at once, then a byte now and then, for ever."""
    writer.write(start)
    while not writer.is_closing():
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.01)


def _head(length: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length


@pytest.mark.parametrize(
    ("operation", "start", "part"),
    [
        (get, _head(100_000), b"x"),
        (tags, _head(100_000), b"x"),
        (blob, _head(BLOB.size), b"x"),
        (blob, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n\0\r\n"),
    ],
)
async def test_a_body_that_trickles(operation: Operation, start: bytes, part: bytes) -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        await trickle(writer, start, part)

    async with raw(answer) as server, Registry(settings=SETTINGS) as registry:
        with pytest.raises(RegistryError, match=r"is too slow while .* after 2 attempts") as caught:
            await operation(registry, fresh(server.host))
        assert len(server.asked) == 2
        assert "less than 1 MiB/s" in (caught.value.detail or "") and caught.value.hint


@pytest.mark.parametrize(
    ("operation", "start", "part"),
    [
        (get, b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (get, b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (blob, b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ],
)
async def test_a_header_that_trickles(operation: Operation, start: bytes, part: bytes) -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        await trickle(writer, start, part)

    settings = replace(SETTINGS, header_timeout=0.2)
    async with raw(answer) as server, Registry(settings=settings) as registry:
        with pytest.raises(RegistryError, match=r"is too slow while .* after 2 attempts") as caught:
            await operation(registry, fresh(server.host))
        assert "no response within 0.2 s" in (caught.value.detail or "") and caught.value.hint


async def test_a_download_that_trickles_is_not_resumed_for_ever() -> None:
    """Each attempt brings some bytes; that is no progress."""

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        start = int(request.partition(b"bytes=")[2].partition(b"-")[0] or 0)
        head = b"HTTP/1.1 206 ?\r\nContent-Range: bytes %d-%d/%d\r\n" % (start, BLOB.size - 1, BLOB.size)
        await trickle(writer, head + b"Content-Length: %d\r\n\r\n" % (BLOB.size - start), b"\0" * 100)

    async def first(request: bytes, writer: asyncio.StreamWriter) -> None:
        if b"Range:" in request:
            await answer(request, writer)
        await trickle(writer, _head(BLOB.size), b"\0" * 100)

    async with raw(first) as server, Registry(settings=SETTINGS) as registry:
        with pytest.raises(RegistryError, match="is too slow while reading the blob"):
            await registry.blob(fresh(server.host), BLOB)
        assert len(server.asked) == 2 and b"Range: bytes=" in server.asked[1]


async def test_connections_that_break_after_a_few_bytes_are_counted() -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        start = int(request.partition(b"bytes=")[2].partition(b"-")[0] or 0)
        status = b"206 ?\r\nContent-Range: bytes %d-/*" % start if start else b"200 OK"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n\0" % (status, BLOB.size - start))

    settings = ClientSettings(backoff=0.001, attempts=4)
    async with raw(answer) as server, Registry(settings=settings) as registry:
        with pytest.raises(RegistryError, match="closed the connection while reading the blob"):
            await registry.blob(fresh(server.host), BLOB)
        assert len(server.asked) == 4


async def test_a_token_that_trickles() -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/token" in request.splitlines()[0]:
            await trickle(writer, _head(100_000))
        challenge = f'WWW-Authenticate: Bearer realm="http://{server.host}/token"'
        writer.write(response(b"", challenge, status="401 ?"))

    async with raw(answer) as server, Registry(settings=SETTINGS) as registry:
        with pytest.raises(RegistryError, match="is too slow while fetching a token"):
            await registry.get_manifest(fresh(server.host).tagged("1"))


async def test_a_refusal_that_trickles_is_the_refusal() -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        await trickle(writer, b"HTTP/1.1 403 ?\r\nContent-Length: 100000\r\n\r\n")

    async with raw(answer) as server, Registry(settings=SETTINGS) as registry:
        with pytest.raises(RegistryError, match="403 DENIED"):
            await registry.ping(server.host)


async def test_an_upload_that_is_not_taken() -> None:
    sessions: list[bytes] = []

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        if request.startswith(b"POST"):
            writer.write(response(b"", "Location: /v2/upload/1", status="202 ?"))
        elif request.startswith(b"DELETE"):
            writer.write(response(b"", status="204 ?"))
        else:
            sessions.append(request)
            transport = writer.transport
            assert isinstance(transport, asyncio.ReadTransport)
            transport.pause_reading()
            await asyncio.Event().wait()

    async with raw(answer) as server, Registry(settings=SETTINGS) as registry:
        with pytest.raises(RegistryError, match="is too slow while writing the blob"):
            await registry.put_blob(fresh(server.host), LARGE)
        assert len(sessions) == 2
