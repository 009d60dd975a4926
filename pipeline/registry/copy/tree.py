"""Copying of a manifest and everything below it: blobs before their manifest, children before their index."""

from __future__ import annotations

from functools import partial

from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.manifest import Manifest
from pipeline.oci.image_tree import TreeLimits, TreeReader
from pipeline.oci.source import ContentSource
from pipeline.util.concurrency import each

from .. import manifests
from ..blobs.content import Content
from ..blobs.upload_retry import upload_with_retry
from ..blobs.upload_session import open_session
from ..cache import ContentCache
from ..http.transport import Transport


class TreeCopy:
    """Copies content from a source into a repository, and records what it wrote."""

    def __init__(
        self,
        transport: Transport,
        cache: ContentCache,
        source: ContentSource,
        dest: Repository,
        limits: TreeLimits | None = None,
    ) -> None:
        self._transport, self._cache, self._source, self.dest = transport, cache, source, dest
        self._reader = TreeReader(self.manifest, limits)
        origin = source.repository
        self._mount_from = origin if origin is not None and origin.host == dest.host else dest
        self.written: list[Digest] = []
        self.mounted: list[Digest] = []
        self.uploaded: list[Descriptor] = []
        self.unlisted: dict[Digest, list[Descriptor]] = {}
        """Written referrers that the registry does not list by itself, by subject."""

    async def manifest(self, digest: Digest) -> Manifest:
        """A manifest of the source, read once."""
        manifest = self._cache.manifest(digest)
        if manifest is None:
            manifest = await self._source.manifest(digest)
            self._cache.store(manifest)
        return manifest

    async def holds(self, digest: Digest) -> bool:
        """Whether the destination holds a manifest; one HEAD unless this client wrote it there."""
        if self._cache.has(self.dest, digest):
            return True
        return await manifests.head(self._transport, self.dest.at(digest)) is not None

    async def copy_below(self, top: Manifest, *, check: bool = False) -> list[Descriptor]:
        """Write everything below a manifest, not itself. Returns the manifests below it, each once.

        With `check` each child is looked for in the destination first, and only missing ones are written. Raises
        RegistryError, before anything is written, for a tree beyond the limits.
        """
        tree = await self._reader.tree(top, self.holds if check else None)
        await each(self._blob, tree.blobs)
        for manifests_of_level in tree.levels:
            await each(self._write_once, manifests_of_level)
        return list(tree.below)

    async def _write_once(self, manifest: Manifest) -> None:
        await self._cache.once(self.dest, manifest.digest, partial(self.write, manifest))

    async def write(self, manifest: Manifest, tag: str | None = None) -> None:
        """Write a manifest by digest or tag; everything below it is there already."""
        stored = await manifests.put(self._transport, self.dest, manifest, tag)
        self._cache.add(self.dest, manifest.digest)
        self.written.append(manifest.digest)
        if manifest.subject is not None and not stored.listed:
            self.unlisted.setdefault(manifest.subject.digest, []).append(manifest.as_referrer())

    async def _blob(self, blob: Descriptor) -> None:
        if not blob.is_distributed:
            return

        async def write() -> None:
            session = await open_session(self._transport, self.dest, blob, self._mount_from)
            if session is None:
                self.mounted.append(blob.digest)
            elif await upload_with_retry(self._transport, self.dest, self._content(blob), blob, session):
                self.uploaded.append(blob)

        await self._cache.once(self.dest, blob.digest, write)

    def _content(self, blob: Descriptor) -> Content:
        return self._source.file(blob) or (lambda: self._source.stream(blob))
