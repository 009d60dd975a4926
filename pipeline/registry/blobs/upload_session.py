"""Upload sessions: opened, closed, cancelled (distribution-spec v1.1, "Pushing blobs" and "Mounting a blob")."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode, urlsplit

from pipeline.model import Descriptor, Repository
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY
from pipeline.util.dataclass import dataclass

from ..auth.challenge import Scopes, pull, push
from ..http.faults import RequestFailed
from ..http.messages import Body, Request, Response
from ..http.responses import location_of
from ..http.transport import Transport

SESSION_LOST = frozenset({"404", "BLOB_UPLOAD_UNKNOWN"})
"""The statuses and codes of a session that no longer exists; olareg sends the code with status 400."""


@dataclass(frozen=True, slots=True)
class UploadSession:
    """An upload in progress: its address, and the smallest chunk that the registry accepts, in bytes."""

    location: str
    min_chunk: int = 0


async def open_session(
    transport: Transport, repo: Repository, descriptor: Descriptor, source: Repository | None
) -> UploadSession | None:
    """Open an upload; None if the blob was mounted from `source` and there is nothing to send.

    With the repository itself as `source`, the one POST also tells whether it holds the blob already.
    """
    if source is not None:
        same = source == repo
        operation = "opening an upload of the blob" if same else "mounting the blob"
        query = urlencode({"mount": str(descriptor.digest), "from": source.path}, safe=":/")
        scopes = frozenset({push(repo.path)}) | (frozenset() if same else frozenset({pull(source.path)}))
        request = _opening(repo, descriptor, operation, f"?{query}", scopes)
        try:
            response = await transport.send(request)
        except RequestFailed as failed:
            status = failed.fault.status
            fails = not status or status == 429 or (status >= 500 and status != 501)
            if fails or (same and status == 401):
                raise  # any other refusal is of the mount only; an upload may be allowed
        else:
            return None if response.status == 201 else _session(transport, request, response)
    scopes = frozenset({push(repo.path)})
    request = _opening(repo, descriptor, "opening an upload of the blob", "", scopes)
    return _session(transport, request, await transport.send(request))


async def try_session(transport: Transport, repo: Repository) -> str:
    """Open an upload and cancel it: what somebody may do who may push. Gives the registry's time, as it sent it, empty
    if it sent none. Raises RequestFailed."""
    nothing = Descriptor.of(EMPTY_JSON, OCI_EMPTY)
    request = replace(
        _opening(repo, nothing, "trying to push to", "", frozenset({push(repo.path)})), subject=str(repo)
    )
    response = await transport.send(request)
    await cancel_session(transport, repo, nothing, _session(transport, request, response))
    return response.headers.get("date", "")


async def cancel_session(
    transport: Transport, repo: Repository, descriptor: Descriptor, session: UploadSession
) -> None:
    """Cancel an upload; where that fails, the registry lets it expire."""
    request = replace(
        session_request("DELETE", repo, descriptor, session.location, "cancelling an upload of the blob"),
        accept=frozenset({200, 202, 204, 404}),
        max_attempts=1,
    )
    try:
        await transport.send(request)
    except RequestFailed:
        return


def closing_request(
    repo: Repository, descriptor: Descriptor, location: str, body: Body, size: int
) -> Request:
    """The PUT that ends an upload, with the `size` bytes that are still to be sent."""
    separator = "&" if urlsplit(location).query else "?"
    target = location + separator + urlencode({"digest": str(descriptor.digest)}, safe=":")
    request = session_request("PUT", repo, descriptor, target, "writing the blob")
    headers = {"Content-Type": "application/octet-stream"}
    return replace(request, accept=frozenset({200, 201, 202, 204}), headers=headers, body=body, size=size)


def session_request(
    method: str, repo: Repository, descriptor: Descriptor, target: str, operation: str
) -> Request:
    """A request about an upload; `target` is its address."""
    subject = str(repo.at(descriptor.digest))
    return Request(method, repo.host, target, operation, subject, scopes=frozenset({push(repo.path)}))


def _opening(repo: Repository, descriptor: Descriptor, operation: str, query: str, scopes: Scopes) -> Request:
    target = f"/v2/{repo.path}/blobs/uploads/{query}"
    request = session_request("POST", repo, descriptor, target, operation)
    return replace(request, scopes=scopes, accept=frozenset({201, 202}))


def _session(transport: Transport, request: Request, response: Response) -> UploadSession:
    text = response.headers.get("oci-chunk-min-length", "0")
    min_chunk = int(text) if text.isdecimal() and len(text) < 16 else 0
    return UploadSession(location_of(request, response, transport.origin_of(request)), min_chunk)
