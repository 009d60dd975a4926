"""Content by digest, from a repository or an OCI layout."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from pipeline.model import Descriptor, Digest, Reference, Repository
from pipeline.model.manifest import Manifest
from pipeline.util.dataclass import dataclass


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


def fallback_tag(digest: Digest) -> str:
    """The tag that lists referrers where there is no API: `sha256-<hex>`, of a longer digest the first 64 digits
    (distribution-spec v1.1, "Referrers Tag Schema")."""
    return f"{digest.algorithm}-{digest.hex[:64]}"


class ImageSource(Protocol):
    """Images by reference with what refers to them: of registries, or of a layout on disk."""

    async def head(self, ref: Reference) -> Descriptor | None:
        """The descriptor of the manifest behind a reference, or None."""

    async def get_manifest(self, ref: Reference) -> Manifest | None:
        """The manifest behind a reference, or None."""

    async def blob(self, repo: Repository, descriptor: Descriptor) -> bytes:
        """A small blob, verified."""

    async def list_referrers(self, repo: Repository, digest: Digest) -> ReferrerList:
        """The referrers of a digest."""


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
