"""Writing of blobs (distribution-spec v1.1, "Pushing blobs" and "Mounting a blob")."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import anyio

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Repository

from .call import Answer, Body, Call
from .challenge import Scopes, pull, push
from .faults import CallFailed, Fault
from .transport import Transport

Content = bytes | Path | Callable[[], AsyncIterator[bytes]]
"""What a blob is made of: bytes, a file, or what opens the same stream afresh for each try."""


async def mount(transport: Transport, repo: Repository, descriptor: Descriptor, source: Repository) -> bool:
    """Take a blob over from another repository of the same registry, by one POST.

    False if the registry would rather have it uploaded; the upload that it opened is cancelled.
    """
    location = await start(transport, repo, descriptor, source)
    if location is None:
        return True
    await cancel(transport, repo, descriptor, location)
    return False


async def put(
    transport: Transport,
    repo: Repository,
    content: Content,
    descriptor: Descriptor,
    source: Repository | None = None,
) -> bool:
    """Write a blob unless it is there or can be mounted from `source`; whether bytes were sent."""
    location = await start(transport, repo, descriptor, source)
    if location is None:
        return False
    return await send(transport, repo, content, descriptor, location)


async def start(
    transport: Transport, repo: Repository, descriptor: Descriptor, source: Repository | None
) -> str | None:
    """Open an upload and give its address; None if the blob was mounted and there is nothing to send."""
    query, scopes = "", {push(repo.path)}
    if source is not None:
        query = "?" + urlencode({"mount": str(descriptor.digest), "from": source.path}, safe=":/")
        scopes.add(pull(source.path))
    call = Call(
        "POST",
        repo.host,
        f"/v2/{repo.path}/blobs/uploads/{query}",
        "mounting the blob" if source else "opening an upload of the blob",
        str(repo.at(descriptor.digest)),
        scopes=frozenset(scopes),
        accept=frozenset({201, 202}),
    )
    answer = await transport.call(call)
    if answer.status == 201 and source is not None:
        return None
    return location_of(transport, call, answer)


async def send(
    transport: Transport, repo: Repository, content: Content, descriptor: Descriptor, location: str
) -> bool:
    """Send the whole content in one PUT; a fault opens a new upload and starts over.

    False if after a fault it turned out to be there.
    """
    tries, body = 0, body_of(content, transport.settings.piece_bytes)
    while True:
        tries += 1
        joint = "&" if urlsplit(location).query else "?"
        call = Call(
            "PUT",
            repo.host,
            location + joint + urlencode({"digest": str(descriptor.digest)}, safe=":"),
            "writing the blob",
            str(repo.at(descriptor.digest)),
            scopes=frozenset({push(repo.path)}),
            accept=frozenset({201}),
            headers={"Content-Type": "application/octet-stream"},
            body=body,
            size=descriptor.size,
            tries=1,
        )
        try:
            answer = await transport.call(call)
        except CallFailed as failed:
            fault = failed.fault
            if fault.status == 404:  # the upload is gone, as after a restart of the registry
                fault = Fault("broken", 404, fault.code, fault.message)
            pause = transport.pacing.pause(_again(call), fault, tries)
            if pause is None:
                raise CallFailed(call, failed.fault, tries) from failed
            transport.meter.retries += 1
            await anyio.sleep(pause)
            again = await start(transport, repo, descriptor, repo)
            if again is None:
                return False
            location = again
            continue
        said = answer.headers.get("docker-content-digest")
        if said and said != str(descriptor.digest):
            raise CallFailed(call, Fault("invalid", 201, message=f"it was stored as {said[:100]}"))
        return True


async def cancel(transport: Transport, repo: Repository, descriptor: Descriptor, location: str) -> None:
    """Give an upload up; a registry that cannot forget it at once will do so by itself."""
    call = Call(
        "DELETE",
        repo.host,
        location,
        "cancelling an upload of the blob",
        str(repo.at(descriptor.digest)),
        scopes=frozenset({push(repo.path)}),
        accept=frozenset({200, 202, 204, 404}),
        tries=1,
    )
    try:
        await transport.call(call)
    except CallFailed:
        return


def location_of(transport: Transport, call: Call, answer: Answer) -> str:
    """The absolute address of an upload, checked: never from TLS down to plain HTTP."""
    location = answer.headers.get("location", "")
    if not location:
        raise CallFailed(call, Fault("invalid", answer.status, message="no Location of the upload"))
    target = urljoin(answer.url, location)
    parts, own = urlsplit(target), urlsplit(answer.url)
    if parts.scheme == "http" and own.scheme == "https":
        if parts.hostname != own.hostname:
            raise CallFailed(
                call, Fault("invalid", answer.status, message="uploads to an address without TLS")
            )
        target = parts._replace(scheme="https", netloc=own.netloc).geturl()
    elif parts.scheme not in ("http", "https"):
        raise CallFailed(call, Fault("invalid", answer.status, message="an upload address that is not HTTP"))
    return target


def body_of(content: Content, piece: int) -> Body:
    """Content as something that can be sent more than once."""
    if isinstance(content, bytes) or not isinstance(content, Path):
        return content
    return lambda: _file(content, piece)


async def _file(path: Path, piece: int) -> AsyncIterator[bytes]:
    try:
        async with await anyio.open_file(path, "rb") as file:
            while part := await file.read(piece):
                yield part
    except OSError as fault:
        raise RegistryError(f"cannot read {path}: {fault.strerror}") from fault


def _again(call: Call) -> Call:
    from dataclasses import replace

    return replace(call, tries=None)


__all__ = ["Content", "Scopes", "cancel", "mount", "put", "send", "start"]
