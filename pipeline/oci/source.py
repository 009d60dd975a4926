"""Content by digest, from a repository or an OCI layout."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.manifest import Manifest


@dataclass(frozen=True, slots=True)
class ReferrerList:
    """The referrers of a digest, each once, in digest order; `unusable` says what else is listed, and why it is left
    out."""

    entries: tuple[Descriptor, ...]
    unusable: tuple[str, ...] = ()

    def joined(self, other: ReferrerList) -> ReferrerList:
        """Both lists as one."""
        entries = {d.digest: d for d in (*self.entries, *other.entries)}
        return ReferrerList(
            tuple(entries[digest] for digest in sorted(entries)), self.unusable + other.unusable
        )


class ContentSource(Protocol):
    """A repository or layout to read content from."""

    @property
    def repository(self) -> Repository | None:
        """The repository from which blobs can be mounted, or None."""

    async def manifest(self, digest: Digest) -> Manifest:
        """The manifest; raises RegistryError if it does not exist."""

    async def lacks(self, digest: Digest) -> bool:
        """Whether the manifest certainly does not exist."""

    def stream(self, descriptor: Descriptor) -> AsyncIterator[bytes]:
        """The blob in chunks; the last one comes only after size and digest are verified."""

    def file(self, descriptor: Descriptor) -> Path | None:
        """The file that holds the blob, if there is one; its content is not verified."""

    async def referrers(self, digests: Sequence[Digest]) -> dict[Digest, ReferrerList]:
        """The referrers of each digest."""

    async def attached_tags(self, digests: Sequence[Digest]) -> list[tuple[str, Manifest | str]]:
        """Manifests that belong to a digest by their tag, as older cosign versions write them, or why one cannot be
        read."""
