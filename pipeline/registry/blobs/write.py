"""Writing of blobs: mounted, found in place, or uploaded (distribution-spec v1.1, "Pushing blobs")."""

from __future__ import annotations

from pipeline.model import Descriptor, Repository

from ..http.transport import Transport
from .content import Content
from .upload_retry import upload_with_retry
from .upload_session import cancel_session, open_session


async def mount(transport: Transport, repo: Repository, descriptor: Descriptor, source: Repository) -> bool:
    """Mount a blob from another repository of the same registry, by one POST.

    False if the registry refuses; the upload that it opened instead is cancelled.
    """
    session = await open_session(transport, repo, descriptor, source)
    if session is None:
        return True
    await cancel_session(transport, repo, descriptor, session)
    return False


async def put(
    transport: Transport,
    repo: Repository,
    content: Content,
    descriptor: Descriptor,
    source: Repository | None = None,
) -> bool:
    """Write a blob unless it is there or can be mounted from `source`; whether bytes were sent."""
    session = await open_session(transport, repo, descriptor, source or repo)
    return session is not None and await upload_with_retry(transport, repo, content, descriptor, session)
