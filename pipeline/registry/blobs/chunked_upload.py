"""Chunked uploads that resume (distribution-spec v1.1, "Pushing a blob in chunks")."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.model import Descriptor, Repository

from ..http.faults import Fault, RequestFailed
from ..http.headers import received_bytes
from ..http.messages import Body, Request, Response
from ..http.responses import location_of
from ..http.retry_write import Write, retry_write
from ..http.transport import Transport
from . import read as blobs
from .content import file_part
from .upload_session import UploadSession, closing_request, session_request


async def send_chunks(
    transport: Transport,
    repo: Repository,
    content: bytes | Path,
    descriptor: Descriptor,
    session: UploadSession,
) -> None:
    """Send content by PATCH; after a fault, resume where the registry says that the upload is.

    Raises RequestFailed when the upload is lost or makes no progress, and where the registry takes no such chunks.
    """
    await _ChunkedUpload(transport, repo, content, descriptor, session).send()


class _ChunkedUpload:
    """One upload in chunks: its address, and how many bytes the registry has received."""

    def __init__(
        self,
        transport: Transport,
        repo: Repository,
        content: bytes | Path,
        descriptor: Descriptor,
        session: UploadSession,
    ) -> None:
        self._transport, self._repo = transport, repo
        self._content, self._descriptor = content, descriptor
        self._chunk = max(transport.settings.chunk_bytes, session.min_chunk)
        self._location, self._offset = session.location, 0

    async def send(self) -> None:
        size, chunks = self._descriptor.size, 0
        limit = 2 * (size // self._chunk + 1) + self._transport.settings.attempts
        while self._offset < size:
            chunks += 1
            if chunks > limit:
                fault = Fault("broken", message=f"no progress past byte {self._offset}")
                raise RequestFailed(self._request("PATCH", "writing the chunks of the blob"), fault, chunks)
            write = Write(self._patch, self._read_patch, self._check_patch, frozenset({"416"}))
            self._location, self._offset = await retry_write(self._transport, write)
        await retry_write(self._transport, Write(self._close, lambda response: True, self._check_close))

    def _request(self, method: str, operation: str) -> Request:
        return session_request(method, self._repo, self._descriptor, self._location, operation)

    def _patch(self) -> Request:
        start, size = self._offset, min(self._chunk, self._descriptor.size - self._offset)
        body: Body
        if isinstance(self._content, bytes):
            body = self._content[start : start + size]
        else:
            body = partial(file_part, self._content, start, size, self._transport.settings.read_bytes)
        return replace(
            self._request("PATCH", "writing a chunk of the blob"),
            accept=frozenset({200, 201, 202, 204}),
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Range": f"{start}-{start + size - 1}",
            },
            body=body,
            size=size,
        )

    def _read_patch(self, response: Response) -> tuple[str, int]:
        request = self._patch()
        sent = self._offset + request.size
        received = received_bytes(response.headers["range"]) if "range" in response.headers else sent
        if received is None or not self._offset < received <= sent:
            raise RequestFailed(
                request, Fault("invalid", response.status, message="no progress of the upload")
            )
        return self._next(request, response), received

    async def _check_patch(self, fault: Fault) -> tuple[str, int] | None:
        request = replace(
            self._request("GET", "reading the progress of an upload of the blob"),
            accept=frozenset({200, 202, 204}),
        )
        response = await self._transport.send(request)
        received = received_bytes(response.headers.get("range")) or 0
        self._location = self._next(request, response)
        if received > self._descriptor.size:
            raise RequestFailed(request, Fault("invalid", response.status, message="more than was sent"))
        if received == self._offset and fault.unsupported:
            raise RequestFailed(self._patch(), fault)
        return (self._location, received) if received != self._offset else None

    def _next(self, request: Request, response: Response) -> str:
        """Where the upload continues; where it is, if the registry does not say."""
        if "location" not in response.headers:
            return self._location
        return location_of(request, response, self._transport.origin_of(request))

    def _close(self) -> Request:
        return closing_request(self._repo, self._descriptor, self._location, b"", 0)

    async def _check_close(self, fault: Fault) -> bool | None:
        stored = fault.ambiguous and await blobs.has(self._transport, self._repo, self._descriptor.digest)
        return True if stored else None
