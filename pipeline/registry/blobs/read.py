"""Reading of blobs (distribution-spec v1.1, "Pulling blobs"), verified while they stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import anyio

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.oci.verify import Verifier, uncorrupted

from ..auth.challenge import pull
from ..http.call import Request
from ..http.faults import Fault, RequestFailed
from ..http.responses import network_fault
from ..http.transport import Transport


def _call(method: str, repo: Repository, digest: Digest, doing: str) -> Request:
    return Request(
        method,
        repo.host,
        f"/v2/{repo.path}/blobs/{digest}",
        doing,
        str(repo.at(digest)),
        scopes=frozenset({pull(repo.path)}),
    )


async def has(transport: Transport, repo: Repository, digest: Digest) -> bool:
    """Whether the repository holds this blob: one HEAD."""
    call = _call("HEAD", repo, digest, "looking for the blob")
    try:
        await transport.call(call)
    except RequestFailed as failed:
        if failed.fault.status == 404:
            return False
        raise
    return True


async def read(transport: Transport, repo: Repository, descriptor: Descriptor) -> bytes:
    """A whole blob in memory; raises RegistryError if it is larger than `Settings.blob_bytes`."""
    if descriptor.size > transport.settings.blob_bytes:
        raise RegistryError(
            f"{repo.at(descriptor.digest)} has {descriptor.size} bytes, more than the "
            f"{transport.settings.blob_bytes} that are read at once",
            hint="such content is streamed to a file",
        )

    async def whole() -> bytes:
        return b"".join([part async for part in stream(transport, repo, descriptor)])

    return await uncorrupted(whole)


async def stream(transport: Transport, repo: Repository, descriptor: Descriptor) -> AsyncIterator[bytes]:
    """The blob piece by piece. The last piece comes only after size and digest are found right.

    A connection that breaks is taken up again where it broke (`Range`), a bounded number of times without
    progress; a server that ignores the range sends everything again and what is known is skipped.
    """
    where, settings = str(repo), transport.settings
    check, held, fruitless = Verifier(descriptor, where), b"", 0
    while True:
        call, start = _call("GET", repo, descriptor.digest, "reading the blob"), check.size
        if start:
            call = _resumed(call, start)
        try:
            async with transport.open(call) as response:
                encoding = response.headers.get("Content-Encoding", "identity")
                if encoding.lower() != "identity":
                    raise RequestFailed(
                        call, Fault("invalid", 200, message=f"Content-Encoding {encoding[:40]!r}")
                    )
                skip = start if response.status == 200 else 0
                if response.status == 206 and not _starts_at(
                    response.headers.get("Content-Range", ""), start
                ):
                    raise RequestFailed(
                        call, Fault("invalid", 206, message="another range than was asked for")
                    )
                async for part in response.content.iter_chunked(settings.piece_bytes):
                    transport.meter.bytes_down += len(part)
                    fresh = part[skip:] if skip else part
                    skip -= min(skip, len(part))
                    if fresh:
                        check.update(fresh)
                        if held:
                            yield held
                        held = fresh
            fault = Fault(
                "broken", message=f"the connection ended after {check.size} of {descriptor.size} bytes"
            )
        except Exception as cause:
            found = network_fault(cause)
            if found is None:
                raise
            fault = found
        if check.complete:
            break
        fruitless = fruitless + 1 if check.size == start else 1
        pause = transport.pacing.pause(call, fault, fruitless)
        if pause is None:
            raise RequestFailed(call, fault, fruitless)
        transport.meter.retries += 1
        await anyio.sleep(pause)
    check.finish()
    if held:
        yield held


def _resumed(call: Request, start: int) -> Request:
    return replace(call, headers={"Range": f"bytes={start}-"}, accept=frozenset({200, 206}))


def _starts_at(content_range: str, start: int) -> bool:
    return content_range.replace("=", " ").strip().lower().startswith(f"bytes {start}-")
