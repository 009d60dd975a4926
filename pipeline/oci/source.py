"""Content by digest, whether a repository or an OCI layout holds it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.manifest import Manifest


class ContentSource(Protocol):
    """Content by digest. `repository` is where blobs may be mounted from, if anywhere."""

    @property
    def repository(self) -> Repository | None:
        """The repository this is, or None."""

    async def manifest(self, digest: Digest) -> Manifest:
        """The manifest; raises RegistryError if it is not there."""

    async def lacks(self, digest: Digest) -> bool:
        """Whether the manifest is certainly not there."""

    def stream(self, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """The blob, verified."""

    def file(self, descriptor: Descriptor) -> Path | None:
        """The file that holds the blob, if there is one; nobody has verified it."""

    async def referrers(self, digests: Sequence[Digest]) -> dict[Digest, list[Descriptor]]:
        """What refers to each digest here."""

    async def attached_tags(self, digests: Sequence[Digest]) -> list[tuple[str, Manifest]]:
        """Manifests that belong to a digest by their tag, as cosign kept them before referrers."""
