"""Copying of an image with everything that belongs to it, in the fewest requests.

Order: blobs before their manifest, children before their index, referrers before the tag; what a tag shows is
complete whenever it is looked at. One HEAD on the destination decides whether the image is there already: a
registry that holds an index holds its children, unless somebody deleted them from under it (`check` asks).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import MANIFEST_TYPES

from . import manifests, uploads
from .known import Known
from .manifest import Manifest
from .referrers import Fallback, listed
from .source import Source
from .together import each
from .transport import Transport

_INDEX_DEPTH = 4
_REFERRER_DEPTH = 2


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What a copy did. `descriptor` is the copied image; counts are of this copy alone; `sent` is in bytes."""

    descriptor: Descriptor
    already: bool
    manifests: int
    mounted: int
    uploaded: int
    sent: int
    referrers: tuple[Descriptor, ...]


class Copy:
    """One copy in progress; `run` performs it."""

    def __init__(
        self, transport: Transport, known: Known, fallback: Fallback, source: Source, dest: Repository
    ) -> None:
        self._transport, self._known, self._fallback = transport, known, fallback
        self._source, self._dest = source, dest
        origin = source.repository
        self._same_host = origin is not None and origin.host == dest.host
        self._put: list[Digest] = []
        self._mounted: list[Digest] = []
        self._uploaded: list[Descriptor] = []
        self._pending: dict[Digest, list[Descriptor]] = {}

    async def run(
        self, digest: Digest, *, tag: str | None, with_referrers: bool, check: bool = False
    ) -> CopyResult:
        """Copy the image; see `Registry.copy`."""
        here = self._source.repository == self._dest
        where = self._dest.tagged(tag) if tag and not here else self._dest.at(digest)
        top, there = await self._look(digest, None if here else where)
        tagged = there == digest and where.tag is not None
        present = here or there == digest or self._known.has(self._dest, digest)
        subjects = await self._children(top, put=not present, check=check and present and not here)
        attached: list[Descriptor] = []
        if with_referrers and not here:
            attached = await self._referrers([top.descriptor, *subjects], present, _REFERRER_DEPTH)
            await self._note_fallbacks()
        if (tag and not tagged) or not present:
            await self._write(top, tag)
        return CopyResult(
            top.descriptor,
            present and not self._put,
            len(self._put),
            len(self._mounted),
            len(self._uploaded),
            sum(d.size for d in self._uploaded),
            tuple(attached),
        )

    async def _look(self, digest: Digest, where) -> tuple[Manifest, Digest | None]:
        if where is None or self._known.has(self._dest, digest):
            return await self._manifest(digest), None
        return await self._manifest(digest), await self._there(where)

    async def _there(self, ref) -> Digest | None:
        found = await manifests.head(self._transport, ref)
        return found.digest if found else None

    async def _manifest(self, digest: Digest) -> Manifest:
        kept = self._known.manifest(digest)
        if kept is None:
            kept = await self._source.manifest(digest)
            self._known.keep(kept)
        return kept

    async def _children(self, top: Manifest, *, put: bool, check: bool, depth: int = 0) -> list[Descriptor]:
        """Copy what a manifest needs, not itself. Gives all manifests below it, for their referrers."""
        if depth > _INDEX_DEPTH:
            raise RegistryError(f"the index {top.digest} is nested more than {_INDEX_DEPTH} deep")
        if not top.is_index:
            if put:
                await each(self._blob, [b for b in top.blobs if not _foreign(b)])
            return []
        inner = [c for c in top.children if c.media_type in MANIFEST_TYPES]
        if put:
            await each(self._blob, [c for c in top.children if c.media_type not in MANIFEST_TYPES])

        async def child(descriptor: Descriptor) -> list[Descriptor]:
            missing = put
            if check and await self._there(self._dest.at(descriptor.digest)) is None:
                missing = True
            if not missing:
                return [descriptor]
            manifest = await self._manifest(descriptor.digest)
            below = await self._children(manifest, put=True, check=False, depth=depth + 1)
            if not self._known.has(self._dest, descriptor.digest):
                await self._write(manifest, None)
            return [descriptor, *below]

        return [d for part in await each(child, _once(inner)) for d in part]

    async def _write(self, manifest: Manifest, tag: str | None) -> None:
        stored = await manifests.put(self._transport, self._dest, manifest, tag)
        self._known.add(self._dest, manifest.digest)
        self._put.append(manifest.digest)
        subject = manifest.subject
        if subject is not None and not stored.subject_noted:
            self._pending.setdefault(subject.digest, []).append(manifest.as_referrer())

    async def _blob(self, blob: Descriptor) -> None:
        async def work() -> None:
            source = self._source.repository if self._same_host else self._dest
            location = await uploads.start(self._transport, self._dest, blob, source)
            if location is None:
                self._mounted.append(blob.digest)
                return
            content: Callable = lambda: self._source.stream(blob)  # noqa: E731
            if await uploads.send(self._transport, self._dest, content, blob, location):
                self._uploaded.append(blob)

        await self._known.once(self._dest, blob.digest, work)

    async def _referrers(self, subjects: Iterable[Descriptor], present: bool, depth: int) -> list[Descriptor]:
        async def of(subject: Descriptor) -> list[Descriptor]:
            found = await self._source.referrers(subject.digest)
            have: set[Digest] = set()
            if found and present:
                have = {d.digest for d in await listed(self._transport, self._dest, subject.digest)}

            async def one(entry: Descriptor) -> list[Descriptor]:
                is_new = entry.digest not in have
                below: list[Descriptor] = []
                if is_new and not self._known.has(self._dest, entry.digest):
                    manifest = await self._manifest(entry.digest)
                    below = await self._children(manifest, put=True, check=False)
                    await self._write(manifest, None)
                more = await self._referrers([entry, *below], not is_new, depth - 1) if depth > 1 else []
                return [entry, *more]

            return [d for part in await each(one, found) for d in part]

        return _once(d for part in await each(of, _once(subjects)) for d in part)

    async def _note_fallbacks(self) -> None:
        async def note(item: tuple[Digest, list[Descriptor]]) -> None:
            await self._fallback.add(self._dest, *item)

        await each(note, self._pending.items())
        self._pending.clear()


def _foreign(blob: Descriptor) -> bool:
    return "nondistributable" in blob.media_type or ".foreign." in blob.media_type


def _once(descriptors: Iterable[Descriptor]) -> list[Descriptor]:
    return list({d.digest: d for d in descriptors}.values())
