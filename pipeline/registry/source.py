"""Where a copy comes from: a repository or an OCI layout, through one small interface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository

from . import blobs, manifests, referrers
from .challenge import Scopes
from .manifest import Manifest
from .transport import Transport


class Source(Protocol):
    """Content by digest. `repository` is where blobs may be mounted from, if anywhere."""

    @property
    def repository(self) -> Repository | None:
        """The repository this is, or None."""

    async def manifest(self, digest: Digest) -> Manifest:
        """The manifest; raises RegistryError if it is not there."""

    def stream(self, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """The blob, verified."""

    async def referrers(self, digest: Digest) -> list[Descriptor]:
        """What refers to a digest here."""


class RepositorySource:
    """A repository as a source. `scopes` is asked for beside pull, so that one token serves a whole copy."""

    def __init__(self, transport: Transport, repository: Repository, scopes: Scopes = frozenset()) -> None:
        self._transport, self._repository, self._scopes = transport, repository, scopes

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
                hint="it was deleted or never pushed here; look with: lockage image inspect",
            )
        return found

    def stream(self, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """The blob, verified while streaming."""
        return blobs.stream(self._transport, self._repository, descriptor)

    async def referrers(self, digest: Digest) -> list[Descriptor]:
        """By API and fallback tag."""
        return await referrers.listed(self._transport, self._repository, digest)
