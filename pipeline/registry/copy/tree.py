"""Writing of a manifest with everything below it: blobs before their manifest, children before their index."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import MANIFEST_TYPES
from pipeline.model.manifest import Manifest
from pipeline.oci.source import ContentSource
from pipeline.util.concurrency import each

from .. import manifests
from ..blobs import write as uploads
from ..blobs.content import Content
from ..cache import SeenContent
from ..http.transport import Transport

_DEPTH = 4


class Tree:
    """Carries content from a source into a repository and counts what it did."""

    def __init__(
        self, transport: Transport, known: SeenContent, source: ContentSource, dest: Repository
    ) -> None:
        self._transport, self._known, self._source, self.dest = transport, known, source, dest
        origin = source.repository
        self._mount_from = origin if origin is not None and origin.host == dest.host else dest
        self.written: list[Digest] = []
        self.mounted: list[Digest] = []
        self.uploaded: list[Descriptor] = []
        self.unlisted: dict[Digest, list[Descriptor]] = {}
        """Written referrers by subject which the registry does not list by itself."""

    async def manifest(self, digest: Digest) -> Manifest:
        """A manifest of the source, read once."""
        kept = self._known.manifest(digest)
        if kept is None:
            kept = await self._source.manifest(digest)
            self._known.keep(kept)
        return kept

    async def holds(self, digest: Digest) -> bool:
        """Whether the destination holds a manifest; one HEAD unless this client put it there."""
        if self._known.has(self.dest, digest):
            return True
        return await manifests.head(self._transport, self.dest.at(digest)) is not None

    async def below(self, top: Manifest, *, ask: bool = False, depth: int = 0) -> list[Descriptor]:
        """Write all that a manifest needs, not itself. Gives the manifests below it, each once.

        With `ask` the destination is asked for each child first, and only what is missing is written.
        """
        if depth > _DEPTH:
            raise RegistryError(f"the index {top.digest} is nested more than {_DEPTH} deep")
        children = [c for c in top.children if c.media_type in MANIFEST_TYPES]
        await each(self._blob, [*top.blobs, *(c for c in top.children if c.media_type not in MANIFEST_TYPES)])

        async def child(descriptor: Descriptor) -> list[Descriptor]:
            if ask and await self.holds(descriptor.digest):
                return [descriptor]
            manifest = await self.manifest(descriptor.digest)
            lower = await self.below(manifest, ask=ask, depth=depth + 1)
            if not self._known.has(self.dest, descriptor.digest):
                await self.write(manifest)
            return [descriptor, *lower]

        return once(d for part in await each(child, once(children)) for d in part)

    async def write(self, manifest: Manifest, tag: str | None = None) -> None:
        """Write one manifest whose content is there, by digest or tag."""
        stored = await manifests.put(self._transport, self.dest, manifest, tag)
        self._known.add(self.dest, manifest.digest)
        self.written.append(manifest.digest)
        if manifest.subject is not None and not stored.subject_noted:
            self.unlisted.setdefault(manifest.subject.digest, []).append(manifest.as_referrer())

    async def _blob(self, blob: Descriptor) -> None:
        if "nondistributable" in blob.media_type or ".foreign." in blob.media_type:
            return

        async def work() -> None:
            upload = await uploads.start(self._transport, self.dest, blob, self._mount_from)
            if upload is None:
                self.mounted.append(blob.digest)
            elif await uploads.send(self._transport, self.dest, self._open(blob), blob, upload):
                self.uploaded.append(blob)

        await self._known.once(self.dest, blob.digest, work)

    def _open(self, blob: Descriptor) -> Content:
        return self._source.file(blob) or (lambda: self._source.stream(blob))


def once(descriptors: Iterable[Descriptor]) -> list[Descriptor]:
    """Each digest once, in the order given."""
    return list({d.digest: d for d in descriptors}.values())
