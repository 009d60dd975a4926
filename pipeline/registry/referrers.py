"""Referrers by the API and by the fallback tag (distribution-spec v1.1, "Listing Referrers").

Both are always read: some registries return 404 or an empty list though the tag lists referrers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import field

import anyio

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.model.limits import MANIFEST_ENTRIES
from pipeline.model.manifest import Manifest
from pipeline.oci.index import encode_index
from pipeline.oci.source import ReferrerList, fallback_tag
from pipeline.util.concurrency import both, each
from pipeline.util.dataclass import dataclass

from . import manifests
from .auth.challenge import pull
from .content_faults import describe, is_content_fault
from .http.faults import Fault, RequestFailed
from .http.messages import Request
from .http.transport import Transport
from .limits import REFERRERS
from .listing import NotAList, pages

_ROUNDS = 40
_WATCHED = 100
_QUIET = 0.2  # seconds: longer than between the reading of a list and its writing
_STILL = 6  # looks in a row at a list that others write too


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
        # The specification has 404; Artifactory says 406, and others 403 to an address that they do not know. Who may
        # not read has the fallback tag refused as well.
        unknown = failed.fault.unsupported or isinstance(failed, NotAList)
        if referrers.entries or referrers.unusable or not unknown:
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
    tag, so that one which cannot be read lists nothing, and an entry that cannot be read is left out alone. Some
    registries read `sha256-…` as the digest and answer with the subject, whose platforms are no referrers."""
    tag = repo.tagged(fallback_tag(digest))
    try:
        fallback = await manifests.get_object(transport, tag)
    except RegistryError as fault:
        if not is_content_fault(fault):
            raise
        return ReferrerList((), (f"{tag}: {describe(fault)}",))
    index, data = fallback or (digest, None)
    if index == digest:
        return ReferrerList(())
    entries = data.get("manifests", [] if "layers" in data else None) if isinstance(data, dict) else None
    if not isinstance(entries, list):
        return ReferrerList((), (f"{tag}: it is no index",))
    if len(entries) > MANIFEST_ENTRIES:
        return ReferrerList((), (f"{tag}: it has more than {MANIFEST_ENTRIES} entries",))
    return _read_entries(entries)


@dataclass(slots=True)
class _Written:
    """What this client added to one list, the list as it last wrote it, None where another writer had the same entries,
    and when (seconds of the event loop)."""

    index: Digest | None
    at: float
    entries: dict[Digest, Descriptor] = field(default_factory=dict)


class FallbackTags:
    """Writes the fallback tag of each subject, one writer at a time within this process.

    No registry compares before it replaces a tag, so another writer who read the list before this one wrote it may
    replace it without these entries. `settle` finds that, and adds them again.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._locks: dict[tuple[Repository, Digest], anyio.Lock] = {}
        self._written: dict[tuple[Repository, Digest], _Written] = {}
        self._contended: set[tuple[Repository, Digest]] = set()

    async def add(self, repo: Repository, subject: Digest, entries: Iterable[Descriptor]) -> None:
        """Add entries to the list, and read it back: another writer may have replaced it meanwhile."""
        new = {d.digest: d for d in entries}
        index = await self._change(repo, subject, lambda old: old | new)
        known = self._written.get((repo, subject))
        if index is not None or known is not None or (repo, subject) in self._contended:
            before = known.entries if known else {}
            self._written[repo, subject] = _Written(index, anyio.current_time(), before | new)

    async def settle(self) -> None:
        """Once nothing more is written: each list that was changed still has what was added. One request for a list
        that nobody else changed; others are watched until nobody changes them any more.

        Raises RegistryError.
        """
        await each(lambda one: self._settle(*one), list(self._written.items()))
        self._written.clear()

    async def _settle(self, subject: tuple[Repository, Digest], written: _Written) -> None:
        repo, digest = subject
        tag, index, still = repo.tagged(fallback_tag(digest)), written.index, 0
        await anyio.sleep(max(0.0, written.at + _QUIET - anyio.current_time()))
        for _ in range(_WATCHED):
            try:
                head = await manifests.head(self._transport, tag)
            except RegistryError:
                return  # it was written and read back; a registry that is gone since tells no more
            if head is not None and head.digest == index:
                still += 1
                if still == _STILL or subject not in self._contended:
                    return
            else:
                self._contended.add(subject)
                changed = await self._change(repo, digest, lambda old: old | written.entries)
                index, still = changed or (head.digest if head else index), 0
            await anyio.sleep(_QUIET * (1 + random.random()))
        raise _busy(repo, digest)

    async def drop(self, repo: Repository, subject: Digest, digest: Digest) -> None:
        """Remove an entry from the list."""
        index = await self._change(repo, subject, lambda old: {k: d for k, d in old.items() if k != digest})
        known = self._written.get((repo, subject))
        if known is not None:
            known.entries.pop(digest, None)
            known.index, known.at = index or known.index, anyio.current_time()

    async def _change(
        self,
        repo: Repository,
        subject: Digest,
        edit: Callable[[dict[Digest, Descriptor]], dict[Digest, Descriptor]],
    ) -> Digest | None:
        """The list as it was written; None where it was as wanted."""
        tag = fallback_tag(subject)
        async with self._locks.setdefault((repo, subject), anyio.Lock()):
            for number in range(_ROUNDS):
                if number:
                    self._contended.add((repo, subject))
                    await anyio.sleep(_QUIET * random.random() * number)
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
                    return None
                index = _index(changed.values())
                await manifests.put(self._transport, repo, index, tag)
                stored = await manifests.head(self._transport, repo.tagged(tag))
                if stored is not None and stored.digest == index.digest:
                    return index.digest
        raise _busy(repo, subject)


def _busy(repo: Repository, subject: Digest) -> RegistryError:
    tag = repo.tagged(fallback_tag(subject))
    return RegistryError(
        f"the list of referrers {tag} is changed by others faster than it can be written",
        hint="other runs write referrers of the same image; run again when they are done",
    )


def _index(entries: Iterable[Descriptor]) -> Manifest:
    return Manifest.parse(encode_index(sorted(entries, key=lambda d: d.digest)))
