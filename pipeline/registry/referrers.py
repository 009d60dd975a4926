"""Referrers by the API and by the fallback tag (distribution-spec v1.1, "Listing Referrers").

Both are always read: some registries return 404 or an empty list though the tag lists referrers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import anyio

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.model.manifest import Manifest
from pipeline.oci.index import encode_index
from pipeline.util.concurrency import each

from . import manifests
from .auth.challenge import pull
from .http.faults import Fault, RequestFailed
from .http.messages import Request
from .http.transport import Transport
from .limits import REFERRERS
from .listing import pages

_ROUNDS = 6
_Source = Callable[[Transport, Repository, Digest], Awaitable[list[Descriptor] | None]]


def fallback_tag(digest: Digest) -> str:
    """The tag that lists referrers where there is no API: `sha256-<hex>`."""
    return f"{digest.algorithm}-{digest.hex}"[:128]


async def listed(
    transport: Transport, repo: Repository, digest: Digest, artifact_type: str | None = None
) -> list[Descriptor]:
    """The referrers of a digest, by API and fallback tag together, each once, in digest order."""

    async def read(source: _Source) -> list[Descriptor]:
        return await source(transport, repo, digest) or []

    referrers = {d.digest: d for part in await each(read, (by_tag, by_api)) for d in part}
    return [d for _, d in sorted(referrers.items()) if artifact_type in (None, d.artifact_type)]


async def by_api(transport: Transport, repo: Repository, digest: Digest) -> list[Descriptor] | None:
    """The referrers by the API; None where the registry has no such API."""
    request = Request(
        "GET",
        repo.host,
        f"/v2/{repo.path}/referrers/{digest}",
        "listing the referrers of",
        str(repo.at(digest)),
        scopes=frozenset({pull(repo.path)}),
        headers={"Accept": OCI_INDEX},
    )
    referrers: list[Descriptor] = []
    try:
        async for response, data in pages(transport, request):
            try:
                referrers += [Descriptor.from_oci(entry) for entry in data["manifests"] or ()]
            except (ValueError, TypeError, KeyError) as fault:
                raise RequestFailed(
                    request, Fault("invalid", response.status, message="no list of referrers")
                ) from fault
            if len(referrers) > REFERRERS:
                raise RequestFailed(request, Fault("invalid", message=f"more than {REFERRERS} referrers"))
    except RequestFailed as failed:
        if failed.fault.status not in (400, 404, 405, 501):
            raise
        return None
    return referrers


async def by_tag(transport: Transport, repo: Repository, digest: Digest) -> list[Descriptor]:
    """The referrers that the fallback tag lists; none where there is no such tag."""
    index = await manifests.get(transport, repo.tagged(fallback_tag(digest)))
    return list(index.children) if index is not None else []


class FallbackTags:
    """Writes the fallback tag of each subject, one writer at a time within this process."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._locks: dict[tuple[Repository, Digest], anyio.Lock] = {}

    async def add(self, repo: Repository, subject: Digest, entries: Iterable[Descriptor]) -> None:
        """Add entries to the list, and read it back: another writer may have replaced it meanwhile."""
        new = {d.digest: d for d in entries}
        await self._change(repo, subject, lambda old: old | new)

    async def drop(self, repo: Repository, subject: Digest, digest: Digest) -> None:
        """Remove an entry from the list."""
        await self._change(repo, subject, lambda old: {k: d for k, d in old.items() if k != digest})

    async def _change(
        self,
        repo: Repository,
        subject: Digest,
        edit: Callable[[dict[Digest, Descriptor]], dict[Digest, Descriptor]],
    ) -> None:
        tag = fallback_tag(subject)
        async with self._locks.setdefault((repo, subject), anyio.Lock()):
            for _ in range(_ROUNDS):
                entries = {d.digest: d for d in await by_tag(self._transport, repo, subject)}
                changed = edit(entries)
                if list(changed) == list(entries):
                    return
                index = _index(changed.values())
                await manifests.put(self._transport, repo, index, tag)
                stored = await manifests.head(self._transport, repo.tagged(tag))
                if stored is not None and stored.digest == index.digest:
                    return
        raise RegistryError(
            f"the list of referrers {repo.tagged(tag)} is changed by others faster than it can be written",
            hint="other runs write referrers of the same image; run again when they are done",
        )


def _index(entries: Iterable[Descriptor]) -> Manifest:
    return Manifest.parse(encode_index(sorted(entries, key=lambda d: d.digest)))
