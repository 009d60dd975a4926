"""Reading of blobs (distribution-spec v1.1, "Pulling blobs"), verified while they stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import anyio

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.oci.verify import Verifier, uncorrupted
from pipeline.util.sizes import size_text

from ..auth.challenge import pull
from ..http.content_encoding import Undecodable, decode_chunks, is_compressed
from ..http.faults import Fault, RequestFailed
from ..http.messages import Request
from ..http.responses import network_fault
from ..http.transport import Transport


def _request(method: str, repo: Repository, digest: Digest, operation: str) -> Request:
    return Request(
        method,
        repo.host,
        f"/v2/{repo.path}/blobs/{digest}",
        operation,
        str(repo.at(digest)),
        scopes=frozenset({pull(repo.path)}),
    )


async def has(transport: Transport, repo: Repository, digest: Digest) -> bool:
    """Whether the repository holds this blob: one HEAD, or the beginning of a GET where the registry refuses HEAD."""
    request = _request("HEAD", repo, digest, "looking for the blob")
    try:
        await transport.send(request)
    except RequestFailed as failed:
        if failed.fault.status == 404:
            return False
        if not failed.fault.unsupported and failed.fault.status != 500:
            raise
        return await _opens(transport, replace(request, method="GET"))
    return True


async def _opens(transport: Transport, request: Request) -> bool:
    try:
        async with transport.stream(request):
            return True
    except RequestFailed as failed:
        if failed.fault.status == 404:
            return False
        raise


async def read(transport: Transport, repo: Repository, descriptor: Descriptor) -> bytes:
    """A whole blob in memory; raises RegistryError if it is larger than `ClientSettings.blob_bytes`."""
    if descriptor.size > transport.settings.blob_bytes:
        raise RegistryError(
            f"{repo.at(descriptor.digest)} has {descriptor.size} bytes, more than the "
            f"{size_text(transport.settings.blob_bytes)} that are read into memory",
            hint="check the manifest that lists it: such content is streamed to a file",
        )

    async def whole() -> bytes:
        return b"".join([part async for part in stream(transport, repo, descriptor)])

    return await uncorrupted(whole)


async def stream(transport: Transport, repo: Repository, descriptor: Descriptor) -> AsyncIterator[bytes]:
    """The blob in chunks. The last chunk comes only after size and digest are verified.

    A connection that breaks is resumed where it broke (`Range`), a limited number of times without progress; where a
    server ignores the range, the known part is skipped. Content that is compressed on its way is decoded, and read from
    its beginning again.
    """
    verifier = Verifier(descriptor.digest, descriptor.size, f"the blob {repo.at(descriptor.digest)}")
    held, attempts, compressed = b"", 0, False
    while True:
        request, start = _request("GET", repo, descriptor.digest, "reading the blob"), verifier.received
        if start and not compressed:
            request = _resuming(request, start)
        try:
            async with transport.stream(request) as response:
                skip = start if response.status == 200 else 0
                compressed = is_compressed(response, descriptor.size - start + skip)
                if response.status == 206 and (
                    compressed or not _starts_at(response.headers.get("Content-Range", ""), start)
                ):
                    raise RequestFailed(
                        request, Fault("invalid", 206, message="another range than requested")
                    )
                chunks = response.content.iter_chunked(transport.settings.read_bytes)
                watched = transport.pace().watch(chunks)
                async for chunk in decode_chunks(watched, descriptor.size) if compressed else watched:
                    transport.meter.bytes_down += len(chunk)
                    new = chunk[skip:] if skip else chunk
                    skip -= min(skip, len(chunk))
                    if new:
                        verifier.update(new)
                        if held:
                            yield held
                        held = new
            fault = Fault(
                "broken", message=f"the connection ended after {verifier.received} of {descriptor.size} bytes"
            )
        except Undecodable as cause:
            raise RequestFailed(request, Fault("invalid", message=str(cause))) from None
        except Exception as cause:
            connection_fault = network_fault(cause, transport.redactor)
            if connection_fault is None:
                raise
            fault = connection_fault
        if verifier.complete:
            break
        progress = verifier.received - start >= transport.settings.resumed_bytes and fault.kind != "slow"
        attempts = 1 if progress else attempts + 1
        delay = transport.retries.delay(request, fault, attempts)
        if delay is None:
            raise RequestFailed(request, fault, attempts)
        transport.meter.retries += 1
        await anyio.sleep(delay)
    verifier.finish()
    if held:
        yield held


def _resuming(request: Request, start: int) -> Request:
    return replace(request, headers={"Range": f"bytes={start}-"}, accept=frozenset({200, 206}))


def _starts_at(content_range: str, start: int) -> bool:
    return content_range.replace("=", " ").strip().lower().startswith(f"bytes {start}-")
