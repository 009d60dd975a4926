"""Referrers by the API and by the fallback tag (distribution-spec v1.1, "Listing Referrers").

Both are always read: some registries return 404 or an empty list though the tag lists referrers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import anyio

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.model.manifest import Manifest
from pipeline.oci.index import encode_index
from pipeline.oci.source import ReferrerList
from pipeline.util.concurrency import both

from . import manifests
from .auth.challenge import pull
from .content_faults import describe, is_content_fault
from .http.faults import Fault, RequestFailed
from .http.messages import Request
from .http.transport import Transport
from .limits import REFERRERS
from .listing import pages

_ROUNDS = 6


def fallback_tag(digest: Digest) -> str:
    """The tag that lists referrers where there is no API: `sha256-<hex>`."""
    return f"{digest.algorithm}-{digest.hex}"[:128]


async def listed(transport: Transport, repo: Repository, digest: Digest) -> ReferrerList:
    """The referrers of a digest, by API and fallback tag together."""
    tag, api = await both(lambda: by_tag(transport, repo, digest), lambda: by_api(transport, repo, digest))
    return tag.joined(api or ReferrerList(()))


async def by_api(transport: Transport, repo: Repository, digest: Digest) -> ReferrerList | None:
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
    referrers = ReferrerList(())
    try:
        async for response, data in pages(transport, request):
            entries = data.get("manifests") if isinstance(data, dict) else False
            if entries is not None and not isinstance(entries, list):
                raise RequestFailed(
                    request, Fault("invalid", response.status, message="no list of referrers")
                )
            referrers = referrers.joined(_read_entries(entries or []))
            if len(referrers.entries) + len(referrers.unusable) > REFERRERS:
                raise RequestFailed(request, Fault("invalid", message=f"more than {REFERRERS} referrers"))
    except RequestFailed as failed:
        if failed.fault.status not in (400, 404, 405, 501):
            raise
        return None
    return referrers


def _read_entries(entries: Iterable[object]) -> ReferrerList:
    read, unusable = [], []
    for entry in entries:
        try:
            read.append(Descriptor.from_oci(entry))
        except ValueError as fault:
            unusable.append(f"an entry of the list of referrers: {fault}")
    return ReferrerList(tuple(read), tuple(unusable))


async def by_tag(transport: Transport, repo: Repository, digest: Digest) -> ReferrerList:
    """The referrers that the fallback tag lists; none where there is no such tag. Anybody who may push can write the
    tag, so that one which cannot be read lists nothing."""
    tag = repo.tagged(fallback_tag(digest))
    try:
        index = await manifests.get(transport, tag)
    except RegistryError as fault:
        if not is_content_fault(fault):
            raise
        return ReferrerList((), (f"{tag}: {describe(fault)}",))
    return ReferrerList(index.children if index is not None else ())


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
                current = await by_tag(self._transport, repo, subject)
                if current.unusable:
                    raise RegistryError(
                        f"the list of referrers {repo.tagged(tag)} cannot be read",
                        hint="find out who wrote it, delete this tag, and run again",
                        detail=current.unusable[0],
                    )
                entries = {d.digest: d for d in current.entries}
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
