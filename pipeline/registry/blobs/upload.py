"""The requests that uploads are made of (distribution-spec v1.1, "Pushing blobs")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit

from pipeline.model import Descriptor, Repository

from ..auth.challenge import Scopes, push
from ..http.call import Body, Request

UPLOAD_GONE = frozenset({"404", "BLOB_UPLOAD_UNKNOWN"})
"""Answers by which an upload does not exist any more; olareg gives the code with status 400."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in progress: its address, and the smallest chunk the registry takes, in bytes."""

    location: str
    least_chunk: int = 0


def opening(repo: Repository, descriptor: Descriptor, doing: str, query: str, scopes: Scopes) -> Request:
    """The POST that begins an upload or mounts a blob."""
    call = on_upload("POST", repo, descriptor, f"/v2/{repo.path}/blobs/uploads/{query}", doing)
    return replace(call, scopes=scopes, accept=frozenset({201, 202}))


def closing(repo: Repository, descriptor: Descriptor, location: str, body: Body, size: int) -> Request:
    """The PUT that ends an upload, with what is still to be sent."""
    joint = "&" if urlsplit(location).query else "?"
    target = location + joint + urlencode({"digest": str(descriptor.digest)}, safe=":")
    call = on_upload("PUT", repo, descriptor, target, "writing the blob")
    headers = {"Content-Type": "application/octet-stream"}
    return replace(call, accept=frozenset({201, 204}), headers=headers, body=body, size=size)


def on_upload(method: str, repo: Repository, descriptor: Descriptor, target: str, doing: str) -> Request:
    """A request about an upload; `target` is its address."""
    return Request(
        method,
        repo.host,
        target,
        doing,
        str(repo.at(descriptor.digest)),
        scopes=frozenset({push(repo.path)}),
    )
