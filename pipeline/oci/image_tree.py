"""The manifests below an index: each read once, under limits, before anything is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

import anyio

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest
from pipeline.model.descriptor import MANIFEST_TYPES
from pipeline.model.manifest import Manifest
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass
from pipeline.util.sizes import size_text

from . import limits

Read = Callable[[Digest], Awaitable[Manifest]]
Skip = Callable[[Digest], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """How much of an image is read before it is refused. Sizes are in bytes."""

    depth: int = limits.TREE_DEPTH
    width: int = limits.TREE_WIDTH
    manifests: int = limits.TREE_MANIFESTS
    manifest_bytes: int = limits.TREE_MANIFEST_BYTES
    blobs: int = limits.TREE_BLOBS
    content_bytes: int = limits.TREE_CONTENT_BYTES


@dataclass(frozen=True, slots=True)
class ImageTree:
    """A manifest and everything below it.

    `below` are the manifests below it, each once, an index before its entries. `levels` are those that were read,
    lowest first: all that a manifest lists is in a level before its own. `blobs` are those of the top and of all that
    were read, each once.
    """

    below: tuple[Descriptor, ...]
    levels: tuple[tuple[Manifest, ...], ...]
    blobs: tuple[Descriptor, ...]


class TreeReader:
    """Reads trees; the limits hold for all trees of one reader together, blobs for each."""

    def __init__(self, read: Read, tree_limits: TreeLimits | None = None) -> None:
        self._read, self._limits = read, tree_limits or TreeLimits()
        self._manifests: dict[Digest, Manifest] = {}
        self._locks: dict[Digest, anyio.Lock] = {}
        self._count = self._bytes = 0

    async def tree(self, top: Manifest, skip: Skip | None = None) -> ImageTree:
        """The tree below a manifest; what `skip` is true for is listed, but neither read nor descended into.

        Raises RegistryError for a tree beyond the limits, or an entry whose manifest has another size than it states.
        """
        self._add(top, [top.descriptor])
        manifests: dict[Digest, Manifest | None] = {top.digest: top}
        depths: dict[Digest, int] = {}
        level, depth = [top], 0
        while entries := distinct(entry for manifest in level for entry in self._entries(manifest)):
            depth += 1
            if depth > self._limits.depth:
                raise _refused(top, f"is nested more than {self._limits.depth} deep")
            new = [entry for entry in entries if entry.digest not in manifests]
            self._add(top, new)
            for entry, manifest in zip(new, await each(lambda e: self._fetch(e, skip), new), strict=True):
                manifests[entry.digest] = manifest
            depths |= {entry.digest: depth for entry in entries}
            level = [m for entry in entries if (m := manifests[entry.digest]) is not None]
        below = distinct(self._below(top, manifests, set()))
        read = [m for entry in below if (m := manifests[entry.digest]) is not None]
        return ImageTree(tuple(below), _lowest_first(read, depths), self._blobs(top, read))

    def _add(self, top: Manifest, entries: Iterable[Descriptor]) -> None:
        for entry in entries:
            self._count, self._bytes = self._count + 1, self._bytes + entry.size
        if self._count > self._limits.manifests:
            raise _refused(top, f"leads to more than {self._limits.manifests} manifests")
        if self._bytes > self._limits.manifest_bytes:
            raise _refused(top, f"leads to more than {size_text(self._limits.manifest_bytes)} of manifests")

    def _entries(self, manifest: Manifest) -> list[Descriptor]:
        entries = manifest.children
        if len(entries) > self._limits.width:
            raise _refused(manifest, f"has more than {self._limits.width} entries")
        return [entry for entry in entries if entry.media_type in MANIFEST_TYPES]

    async def _fetch(self, entry: Descriptor, skip: Skip | None) -> Manifest | None:
        if skip is not None and await skip(entry.digest):
            return None
        async with self._locks.setdefault(entry.digest, anyio.Lock()):
            manifest = self._manifests.get(entry.digest)
            if manifest is None:
                manifest = self._manifests[entry.digest] = await self._read(entry.digest)
        if manifest.descriptor.size != entry.size:
            raise RegistryError(
                f"the manifest {entry.digest} has {manifest.descriptor.size} bytes, and an index that lists it "
                f"states {entry.size}",
                hint="the index is invalid; ask whoever pushed it",
            )
        return manifest

    def _below(
        self, manifest: Manifest, manifests: Mapping[Digest, Manifest | None], seen: set[Digest]
    ) -> Iterator[Descriptor]:
        for entry in self._entries(manifest):
            if entry.digest in seen:
                continue
            seen.add(entry.digest)
            yield entry
            inner = manifests[entry.digest]
            if inner is not None:
                yield from self._below(inner, manifests, seen)

    def _blobs(self, top: Manifest, read: Iterable[Manifest]) -> tuple[Descriptor, ...]:
        """Configs and layers, and entries of indexes that are no manifests."""
        blobs = distinct(
            blob
            for manifest in (top, *read)
            for blob in (
                *manifest.blobs,
                *(c for c in manifest.children if c.media_type not in MANIFEST_TYPES),
            )
        )
        if len(blobs) > self._limits.blobs:
            raise _refused(top, f"has more than {self._limits.blobs} blobs")
        if sum(blob.size for blob in blobs) > self._limits.content_bytes:
            raise _refused(top, f"has more than {size_text(self._limits.content_bytes)} of content")
        return tuple(blobs)


def distinct(descriptors: Iterable[Descriptor]) -> list[Descriptor]:
    """Each digest once, in the order given."""
    return list({d.digest: d for d in descriptors}.values())


def _lowest_first(
    manifests: Iterable[Manifest], depths: Mapping[Digest, int]
) -> tuple[tuple[Manifest, ...], ...]:
    by_depth: dict[int, list[Manifest]] = {}
    for manifest in manifests:
        by_depth.setdefault(depths[manifest.digest], []).append(manifest)
    return tuple(tuple(by_depth[depth]) for depth in sorted(by_depth, reverse=True))


def _refused(manifest: Manifest, problem: str) -> RegistryError:
    kind = "index" if manifest.is_index else "manifest"
    return RegistryError(
        f"the {kind} {manifest.digest} {problem}",
        hint="no image needs as much; do not trust it, or ask whoever pushed it (docs/limits.md)",
    )
