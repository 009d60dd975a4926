"""Images as a run reads them: what a digest names is requested once, what a tag names every time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import anyio

from pipeline.model import Descriptor, Manifest, Reference, Repository

if TYPE_CHECKING:
    from pipeline.registry import Registry

T = TypeVar("T")
_BLOB_LIMIT = 256 * 1024  # bytes: image configurations, not documents


class ImageCache:
    """A registry's manifests and image configurations, each digest read at most once from each repository."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._manifests: dict[Reference, Manifest] = {}
        self._blobs: dict[Reference, bytes] = {}
        self._reading: dict[Reference, anyio.Lock] = {}

    async def get_manifest(self, ref: Reference) -> Manifest | None:
        """The manifest a reference stands for, or None."""
        if ref.digest is None:
            manifest = await self._registry.get_manifest(ref)
            if manifest is not None:
                self._manifests[ref.repository.at(manifest.digest)] = manifest
            return manifest
        return await self._once(self._manifests, ref.by_digest, lambda: self._registry.get_manifest(ref))

    async def blob(self, repo: Repository, descriptor: Descriptor) -> bytes:
        """A whole blob; kept while it is small."""
        if descriptor.size > _BLOB_LIMIT:
            return await self._registry.blob(repo, descriptor)
        reference = repo.at(descriptor.digest)
        content = await self._once(self._blobs, reference, lambda: self._registry.blob(repo, descriptor))
        assert content is not None
        return content

    async def _once(
        self, known: dict[Reference, T], reference: Reference, read: Callable[[], Awaitable[T | None]]
    ) -> T | None:
        async with self._reading.setdefault(reference, anyio.Lock()):
            if reference not in known and (content := await read()) is not None:
                known[reference] = content
            return known.get(reference)
