"""A repository as the source of a copy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.manifest import Manifest
from pipeline.oci.source import ReferrerList, fallback_tag
from pipeline.util.concurrency import each
from pipeline.util.sizes import size_text

from .. import listing, manifests, referrers
from ..auth.challenge import Scopes
from ..blobs import read as blob_reads
from ..content_faults import describe, is_content_fault
from ..http.faults import RequestFailed
from ..http.transport import Transport
from ..limits import LIST_BYTES, REFERRERS

_SUFFIXES = (".sig", ".att", ".sbom")


class RepositorySource:
    """A repository as a source. `scopes` are requested beside pull, so that one token serves a whole copy.

    One list of tags tells which fallback tags exist. Each fallback tag is requested by itself only if that list is
    not available, or has many more pages than there are digests.
    """

    def __init__(self, transport: Transport, repository: Repository, scopes: Scopes = frozenset()) -> None:
        self._transport, self._repository, self._scopes = transport, repository, scopes
        self._listed, self._has_api = False, True
        self._tags: frozenset[str] | None = None
        self._referrers = self._referrer_bytes = 0

    @property
    def repository(self) -> Repository | None:
        """The repository itself: blobs can be mounted from it."""
        return self._repository

    async def manifest(self, digest: Digest) -> Manifest:
        """The manifest, by one GET; raises RegistryError if it does not exist."""
        ref = self._repository.at(digest)
        manifest = await manifests.get(self._transport, ref, self._scopes)
        if manifest is None:
            raise RegistryError(
                f"{ref} does not exist",
                hint="it was deleted or never pushed; check the repository and the digest",
            )
        return manifest

    async def lacks(self, digest: Digest) -> bool:
        """Whether the manifest does not exist, by one HEAD."""
        return await manifests.head(self._transport, self._repository.at(digest)) is None

    def stream(self, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """The blob, verified while streaming."""
        return blob_reads.stream(self._transport, self._repository, descriptor)

    def file(self, descriptor: Descriptor) -> Path | None:
        """None: it is not on disk."""
        return None

    async def referrers(self, digests: Sequence[Digest]) -> dict[Digest, ReferrerList]:
        """The referrers of each digest, by API and fallback tag."""
        if not digests:
            return {}
        tags = await self._existing_tags(len(digests))

        async def read(digest: Digest) -> ReferrerList:
            referrer_list = ReferrerList(())
            if tags is None or fallback_tag(digest) in tags:
                referrer_list = await referrers.by_tag(self._transport, self._repository, digest)
            if self._has_api:
                listed = await referrers.by_api(self._transport, self._repository, digest)
                self._has_api = listed is not None
                referrer_list = referrer_list.joined(listed or ReferrerList(()))
            self._count(referrer_list)
            return referrer_list

        return dict(zip(digests, await each(read, digests), strict=True))

    def _count(self, referrer_list: ReferrerList) -> None:
        self._referrers += len(referrer_list.entries) + len(referrer_list.unusable)
        for entry in referrer_list.entries:
            self._referrer_bytes += sum(len(name) + len(text) for name, text in entry.annotations.items())
        if self._referrers > REFERRERS:
            raise self._refused(f"{REFERRERS} referrers")
        if self._referrer_bytes > LIST_BYTES:
            raise self._refused(f"{size_text(LIST_BYTES)} of referrers")

    def _refused(self, limit: str) -> RegistryError:
        return RegistryError(
            f"{self._repository} lists more than {limit} of one image",
            hint="delete old referrers there, or leave them behind: --no-referrers",
        )

    async def attached_tags(self, digests: Sequence[Digest]) -> list[tuple[str, Manifest | str]]:
        """The manifests tagged `sha256-<hex>.sig`, `.att` and `.sbom` for each digest."""
        tags = await self._existing_tags(len(digests))
        names = [fallback_tag(d) + suffix for d in digests for suffix in _SUFFIXES]

        async def get(name: str) -> tuple[str, Manifest | str] | None:
            try:
                manifest = await manifests.get(self._transport, self._repository.tagged(name))
            except RegistryError as fault:
                if not is_content_fault(fault):
                    raise
                return name, describe(fault)
            return (name, manifest) if manifest else None

        pairs = await each(get, [name for name in names if tags is None or name in tags])
        return [pair for pair in pairs if pair]

    async def _existing_tags(self, digests: int) -> frozenset[str] | None:
        if not self._listed:
            try:
                tags = await listing.tags(self._transport, self._repository, max_pages=2 + digests)
            except RequestFailed as failed:
                fault = failed.fault
                if not (isinstance(failed, listing.NotAList) or fault.unsupported or fault.status == 401):
                    raise
                tags = None
            self._listed = True
            self._tags = (
                frozenset(tags) if tags else None
            )  # none is also what 404 says, to an unknown address
        return self._tags
