"""Chunked uploads that resume (distribution-spec v1.1, "Pushing a blob in chunks")."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.model import Descriptor, Repository

from ..http.call import Body, Request, Response
from ..http.faults import Fault, RequestFailed
from ..http.headers import received
from ..http.responses import location_of
from ..http.retry import persevere
from ..http.transport import Transport
from . import read as blobs
from .content import file_part
from .upload import closing, on_upload


async def send(
    transport: Transport,
    repo: Repository,
    content: bytes | Path,
    descriptor: Descriptor,
    location: str,
    chunk: int,
) -> bool:
    """Send content by PATCH, `chunk` bytes at a time; after a fault go on where the registry says it is.

    Always True: bytes were sent. Raises RequestFailed when the upload is gone or makes no progress.
    """
    offset, steps = 0, 0
    most = 2 * (descriptor.size // chunk + 1) + transport.settings.attempts
    while offset < descriptor.size:
        steps += 1
        if steps > most:
            call = on_upload("PATCH", repo, descriptor, location, "writing the chunks of the blob")
            raise RequestFailed(call, Fault("broken", message=f"no progress past byte {offset}"), steps)
        location, offset = await _patch(transport, repo, content, descriptor, location, offset, chunk)
    call = closing(repo, descriptor, location, b"", 0)

    async def look(fault: Fault) -> bool | None:
        return True if fault.ambiguous and await blobs.has(transport, repo, descriptor.digest) else None

    return await persevere(transport, lambda: call, lambda answer: True, look)


async def _patch(
    transport: Transport,
    repo: Repository,
    content: bytes | Path,
    descriptor: Descriptor,
    location: str,
    offset: int,
    chunk: int,
) -> tuple[str, int]:
    state = [location]
    start = offset

    def make() -> Request:
        size = min(chunk, descriptor.size - start)
        body: Body = (
            content[start : start + size]
            if isinstance(content, bytes)
            else partial(file_part, content, start, size, transport.settings.piece_bytes)
        )
        return replace(
            on_upload("PATCH", repo, descriptor, state[0], "writing a chunk of the blob"),
            accept=frozenset({201, 202, 204}),
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Range": f"{start}-{start + size - 1}",
            },
            body=body,
            size=size,
        )

    def done(answer: Response) -> tuple[str, int]:
        call = make()
        now = received(answer.headers.get("range"))
        if now is None or not start < now <= start + call.size:
            raise RequestFailed(call, Fault("invalid", answer.status, message="no progress of the upload"))
        return location_of(call, answer), now

    async def look(fault: Fault) -> tuple[str, int] | None:
        call = replace(
            on_upload("GET", repo, descriptor, state[0], "asking how far an upload is of the blob"),
            accept=frozenset({200, 202, 204}),
        )
        answer = await transport.call(call)
        now = received(answer.headers.get("range")) or 0
        if "location" in answer.headers:
            state[0] = location_of(call, answer)
        if now > descriptor.size:
            raise RequestFailed(call, Fault("invalid", answer.status, message="more than was sent"))
        if now != start:
            return state[0], now
        return None

    return await persevere(transport, make, done, look, lost=frozenset({"416"}))
