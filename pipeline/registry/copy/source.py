"""A repository as the source of a copy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.manifest import Manifest
from pipeline.util.concurrency import each

from .. import listing, manifests, referrers
from ..auth.challenge import Scopes
from ..blobs import read as blobs
from ..http.faults import RequestFailed
from ..http.transport import Transport

_SUFFIXES = (".sig", ".att", ".sbom")


class RepositorySource:
    """A repository as a source. `scopes` is asked for beside pull, so that one token serves a whole copy.

    One list of tags tells which fallback tags exist; only where it is not to be had, or has many more pages
    than there are digests, each fallback tag is asked for.
    """

    def __init__(self, transport: Transport, repository: Repository, scopes: Scopes = frozenset()) -> None:
        self._transport, self._repository, self._scopes = transport, repository, scopes
        self._listed, self._has_api = False, True
        self._tags: frozenset[str] | None = None

    @property
    def repository(self) -> Repository | None:
        """The repository itself: blobs can be mounted from it."""
        return self._repository

    async def manifest(self, digest: Digest) -> Manifest:
        """One GET; raises RegistryError if the manifest is not there."""
        ref = self._repository.at(digest)
        found = await manifests.get(self._transport, ref, self._scopes)
        if found is None:
            raise RegistryError(
                f"{ref} is not there",
                hint="it was deleted or never pushed here; check the repository and the digest",
            )
        return found

    async def lacks(self, digest: Digest) -> bool:
        """One HEAD."""
        return await manifests.head(self._transport, self._repository.at(digest)) is None

    def stream(self, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """The blob, verified while streaming."""
        return blobs.stream(self._transport, self._repository, descriptor)

    def file(self, descriptor: Descriptor) -> Path | None:
        """None: it is not on disk."""
        return None

    async def referrers(self, digests: Sequence[Digest]) -> dict[Digest, list[Descriptor]]:
        """By API and fallback tag, both always."""
        if not digests:
            return {}
        tags = await self._known_tags(len(digests))

        async def of(digest: Digest) -> list[Descriptor]:
            found: list[Descriptor] = []
            if tags is None or referrers.fallback_tag(digest) in tags:
                found += await referrers.by_tag(self._transport, self._repository, digest)
            if self._has_api:
                said = await referrers.by_api(self._transport, self._repository, digest)
                self._has_api = said is not None
                found += said or []
            return [d for _, d in sorted({d.digest: d for d in found}.items())]

        return dict(zip(digests, await each(of, digests), strict=True))

    async def attached_tags(self, digests: Sequence[Digest]) -> list[tuple[str, Manifest]]:
        """`sha256-<hex>.sig`, `.att` and `.sbom` of each digest."""
        tags = await self._known_tags(len(digests))
        names = [referrers.fallback_tag(d) + suffix for d in digests for suffix in _SUFFIXES]

        async def get(name: str) -> tuple[str, Manifest] | None:
            found = await manifests.get(self._transport, self._repository.tagged(name))
            return (name, found) if found else None

        found = await each(get, [name for name in names if tags is None or name in tags])
        return [pair for pair in found if pair]

    async def _known_tags(self, digests: int) -> frozenset[str] | None:
        if not self._listed:
            try:
                found = await listing.tags(self._transport, self._repository, most_pages=2 + digests)
            except RequestFailed as failed:
                if failed.fault.status not in (400, 401, 403, 404, 405, 501):
                    raise
                found = None
            self._listed = True
            self._tags = frozenset(found) if found is not None else None
        return self._tags
