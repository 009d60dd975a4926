"""Sending of a blob into an upload, and its retry: a whole blob starts over in a new upload, a chunked one resumes."""

from __future__ import annotations

from pathlib import Path

from pipeline.model import Descriptor, Repository

from ..http.faults import Fault, RequestFailed
from ..http.messages import Request, Response
from ..http.retry_write import Write, retry_write
from ..http.transport import Transport
from .chunked_upload import send_chunks
from .content import Content, opener, read_small_file
from .upload_session import (
    SESSION_LOST,
    UploadSession,
    cancel_session,
    closing_request,
    open_session,
)


async def upload_with_retry(
    transport: Transport, repo: Repository, content: Content, descriptor: Descriptor, session: UploadSession
) -> bool:
    """Send the whole content, in chunks if it is large and the registry takes them. False if a retry found that the
    repository holds the blob already."""
    settings = transport.settings
    chunk = max(settings.chunk_bytes, session.min_chunk)
    if descriptor.size > chunk and isinstance(content, bytes | Path):
        try:
            return await _upload_chunks(transport, repo, content, descriptor, session)
        except RequestFailed as failed:
            if not _takes_no_chunks(failed):
                raise
        await cancel_session(transport, repo, descriptor, session)
        whole = await open_session(transport, repo, descriptor, repo)
        if whole is None:
            return False
        session = whole
    current = session
    if isinstance(content, Path) and descriptor.size <= settings.small_file_bytes:
        content = await read_small_file(content, descriptor.size)
    body = content if isinstance(content, bytes) else opener(content, settings.read_bytes)

    def request() -> Request:
        return closing_request(repo, descriptor, current.location, body, descriptor.size)

    def result(response: Response) -> bool:
        stored = response.headers.get("docker-content-digest")
        if stored and stored.startswith(descriptor.digest.algorithm) and stored != str(descriptor.digest):
            problem = f"it was stored as {transport.redactor(stored)[:100]}"
            raise RequestFailed(request(), Fault("invalid", response.status, message=problem))
        return True

    async def start_over(fault: Fault) -> bool | None:
        nonlocal current
        reopened = await open_session(transport, repo, descriptor, repo)
        if reopened is None:
            return False
        current = reopened
        return None

    try:
        return await retry_write(transport, Write(request, result, start_over, SESSION_LOST))
    except RequestFailed as failed:
        if failed.fault.status:  # what it received may be what fills its disk
            await cancel_session(transport, repo, descriptor, current)
        raise


def _takes_no_chunks(failed: RequestFailed) -> bool:
    """Whether the registry refuses chunks, or these, or reports a progress that cannot be: all may take the whole."""
    return failed.request.method != "PUT" and (failed.fault.unsupported or failed.fault.kind == "invalid")


async def _upload_chunks(
    transport: Transport,
    repo: Repository,
    content: bytes | Path,
    descriptor: Descriptor,
    session: UploadSession,
) -> bool:
    """In chunks; an upload that the registry has lost is started over once."""
    try:
        await send_chunks(transport, repo, content, descriptor, session)
        return True
    except RequestFailed as failed:
        if not SESSION_LOST & {failed.fault.code, str(failed.fault.status)}:
            raise
    reopened = await open_session(transport, repo, descriptor, repo)
    if reopened is None:
        return False
    await send_chunks(transport, repo, content, descriptor, reopened)
    return True
