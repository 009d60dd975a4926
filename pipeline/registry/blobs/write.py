"""Writing of blobs (distribution-spec v1.1, "Pushing blobs" and "Mounting a blob")."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from pipeline.model import Descriptor, Repository

from ..auth.challenge import pull, push
from ..http.call import Request, Response
from ..http.faults import Fault, RequestFailed
from ..http.responses import location_of
from ..http.retry import persevere
from ..http.transport import Transport
from . import chunked as chunks
from .content import Content, opener, small_file
from .upload import UPLOAD_GONE, Upload, closing, on_upload, opening


async def mount(transport: Transport, repo: Repository, descriptor: Descriptor, source: Repository) -> bool:
    """Take a blob over from another repository of the same registry, by one POST.

    False if the registry would rather have it uploaded; the upload that it opened is cancelled.
    """
    upload = await start(transport, repo, descriptor, source)
    if upload is None:
        return True
    await cancel(transport, repo, descriptor, upload)
    return False


async def put(
    transport: Transport,
    repo: Repository,
    content: Content,
    descriptor: Descriptor,
    source: Repository | None = None,
) -> bool:
    """Write a blob unless it is there or can be mounted from `source`; whether bytes were sent."""
    upload = await start(transport, repo, descriptor, source or repo)
    return upload is not None and await send(transport, repo, content, descriptor, upload)


async def start(
    transport: Transport, repo: Repository, descriptor: Descriptor, source: Repository | None
) -> Upload | None:
    """Open an upload; None if the blob was mounted from `source` and there is nothing to send.

    With the repository itself as source the one POST says whether the blob is there already.
    """
    if source is not None:
        query = urlencode({"mount": str(descriptor.digest), "from": source.path}, safe=":/")
        scopes = frozenset({push(repo.path)}) | ({pull(source.path)} if source != repo else set())
        own = source == repo
        doing = "opening an upload of the blob" if own else "mounting the blob"
        call = opening(repo, descriptor, doing, "?" + query, scopes)
        try:
            answer = await transport.call(call)
        except RequestFailed as failed:
            status = failed.fault.status
            if not 400 <= status < 500 or status == 429 or (own and status == 401):
                raise  # any other refusal is of the mount only; whether an upload is allowed shows below
        else:
            return None if answer.status == 201 else _opened(call, answer)
    call = opening(repo, descriptor, "opening an upload of the blob", "", frozenset({push(repo.path)}))
    return _opened(call, await transport.call(call))


def _opened(call: Request, answer: Response) -> Upload:
    least = answer.headers.get("oci-chunk-min-length", "0")
    return Upload(location_of(call, answer), int(least) if least.isdecimal() and len(least) < 16 else 0)


async def send(
    transport: Transport, repo: Repository, content: Content, descriptor: Descriptor, upload: Upload
) -> bool:
    """Send the whole content; a fault opens a new upload and starts over, or resumes a chunked one.

    False if after a fault it turned out to be there.
    """
    chunk = max(transport.settings.chunk_bytes, upload.least_chunk)
    if descriptor.size > chunk and isinstance(content, bytes | Path):
        return await _chunked(transport, repo, content, descriptor, upload, chunk)
    at = [upload.location]
    if isinstance(content, Path) and descriptor.size <= transport.settings.whole_bytes:
        content = await small_file(content, descriptor.size)
    body = content if isinstance(content, bytes) else opener(content, transport.settings.piece_bytes)

    def make() -> Request:
        return closing(repo, descriptor, at[0], body, descriptor.size)

    def done(answer: Response) -> bool:
        said = answer.headers.get("docker-content-digest")
        if said and said.startswith(descriptor.digest.algorithm) and said != str(descriptor.digest):
            raise RequestFailed(
                make(), Fault("invalid", answer.status, message=f"it was stored as {said[:100]}")
            )
        return True

    async def look(fault: Fault) -> bool | None:
        again = await start(transport, repo, descriptor, repo)
        if again is None:
            return False
        at[0] = again.location
        return None

    try:
        return await persevere(transport, make, done, look, lost=UPLOAD_GONE)
    except RequestFailed as failed:
        if failed.fault.status:  # what it has taken may be what fills its disk
            await cancel(transport, repo, descriptor, Upload(at[0]))
        raise


async def _chunked(
    transport: Transport,
    repo: Repository,
    content: bytes | Path,
    descriptor: Descriptor,
    upload: Upload,
    chunk: int,
) -> bool:
    """In chunks; an upload that the registry has lost is begun anew once."""
    try:
        return await chunks.send(transport, repo, content, descriptor, upload.location, chunk)
    except RequestFailed as failed:
        if not UPLOAD_GONE & {failed.fault.code, str(failed.fault.status)}:
            raise
    again = await start(transport, repo, descriptor, repo)
    if again is None:
        return False
    return await chunks.send(transport, repo, content, descriptor, again.location, chunk)


async def cancel(transport: Transport, repo: Repository, descriptor: Descriptor, upload: Upload) -> None:
    """Give an upload up; a registry that cannot forget it at once will do so by itself."""
    call = replace(
        on_upload("DELETE", repo, descriptor, upload.location, "cancelling an upload of the blob"),
        accept=frozenset({200, 202, 204, 404}),
        tries=1,
    )
    try:
        await transport.call(call)
    except RequestFailed:
        return
