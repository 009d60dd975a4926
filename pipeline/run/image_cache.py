"""Images as a run reads them: what a digest names is requested once, what a tag names every time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import anyio

from pipeline.model import Descriptor, Fallbacks, Manifest, Reference, Repository
from pipeline.registry.fallback import first_found

if TYPE_CHECKING:
    from pipeline.registry import Registry

T = TypeVar("T")
_BLOB_LIMIT = 256 * 1024  # bytes: image configurations, not documents


class ImageCache:
    """A registry's manifests and image configurations, each digest read at most once from each repository; from its
    fallbacks where it has lost one, or cannot be reached."""

    def __init__(self, registry: Registry, fallbacks: Fallbacks | None = None) -> None:
        self._registry, self._fallbacks = registry, fallbacks or Fallbacks()
        self._manifests: dict[Reference, Manifest] = {}
        self._blobs: dict[Reference, bytes] = {}
        self._elsewhere: dict[Reference, Repository] = {}
        self._reading: dict[Reference, anyio.Lock] = {}

    async def get_manifest(self, ref: Reference) -> Manifest | None:
        """The manifest a reference stands for, or None."""
        if ref.digest is None:
            manifest = await self._registry.get_manifest(ref)
            if manifest is not None:
                self._manifests[ref.repository.at(manifest.digest)] = manifest
            return manifest
        return await self._once(self._manifests, ref.by_digest, lambda: self._manifest(ref))

    async def blob(self, repo: Repository, descriptor: Descriptor) -> bytes:
        """A whole blob; kept while it is small."""
        if descriptor.size > _BLOB_LIMIT:
            return await self._content(repo, descriptor)
        reference = repo.at(descriptor.digest)
        content = await self._once(self._blobs, reference, lambda: self._content(repo, descriptor))
        assert content is not None
        return content

    async def _manifest(self, ref: Reference) -> Manifest | None:
        located = await first_found(self._fallbacks, ref, self._registry.get_manifest)
        if located is None:
            return None
        self._elsewhere[ref.by_digest] = located[0].repository
        return located[1]

    def source(self, ref: Reference) -> Repository:
        """Where a manifest was read that was requested by digest: its repository, or the one of a fallback."""
        return self._elsewhere.get(ref.by_digest, ref.repository)

    async def _content(self, repo: Repository, descriptor: Descriptor) -> bytes:
        async def read(ref: Reference) -> bytes | None:
            return await self._registry.blob(ref.repository, descriptor)

        located = await first_found(self._fallbacks, repo.at(descriptor.digest), read)
        assert located, "a blob, or a fault"
        return located[1]

    async def _once(
        self, known: dict[Reference, T], reference: Reference, read: Callable[[], Awaitable[T | None]]
    ) -> T | None:
        async with self._reading.setdefault(reference, anyio.Lock()):
            if reference not in known and (content := await read()) is not None:
                known[reference] = content
            return known.get(reference)
