"""The images of an OCI layout by the references that they have elsewhere, with what refers to them."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Manifest, Reference, Repository
from pipeline.model.descriptor import MANIFEST_TYPES
from pipeline.util.dataclass import dataclass

from .image_tree import TreeReader
from .layout import FULL_NAME, REF_NAME, Layout
from .source import ReferrerList, fallback_tag


@dataclass(frozen=True, slots=True)
class _Contents:
    """What `index.json` lists: images by each of their names, referrers by subject and by fallback tag, and why the
    rest cannot be read. `nameless` are images without a name."""

    named: Mapping[str, frozenset[Digest]]
    nameless: frozenset[Digest]
    referrers: Mapping[Digest, ReferrerList]
    lists: Mapping[str, ReferrerList]
    unusable: tuple[str, ...]


class LayoutImages:
    """Images that were carried here in a layout. It is an `ImageSource`: a reference says how a registry knows an
    image, and nobody is requested."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: _Contents | None = None

    async def head(self, ref: Reference) -> Descriptor | None:
        """The descriptor of the manifest behind a reference, or None."""
        manifest = await self.get_manifest(ref)
        return None if manifest is None else manifest.descriptor

    async def get_manifest(self, ref: Reference) -> Manifest | None:
        """The manifest with the digest of a reference; else that of the entry with its name, `name:tag` or tag; else
        the only image, if no image has a name. None if there is none.

        Raises RegistryError for a folder that is no layout, for content that does not match its digest, and for a name
        of several images.
        """
        digest = ref.digest or await self._resolve(ref)
        if digest is None or await self._layout.lacks(digest):
            return None
        return await self._layout.manifest(digest)

    async def blob(self, repo: Repository, descriptor: Descriptor) -> bytes:
        """A blob, verified. Raises RegistryError."""
        return b"".join([chunk async for chunk in self._layout.stream(descriptor)])

    async def list_referrers(self, repo: Repository, digest: Digest) -> ReferrerList:
        """The entries of `index.json` that refer to a digest, and those that its fallback tag lists."""
        known = await self._contents()
        listed = known.referrers.get(digest, ReferrerList(())).joined(ReferrerList((), known.unusable))
        return listed.joined(known.lists.get(fallback_tag(digest), ReferrerList(())))

    async def check(self, digest: Digest) -> None:
        """Read a whole image, the content of all its platforms too. Raises RegistryError for what is missing or does
        not match its digest."""
        tree = await TreeReader(self._layout.manifest).tree(await self._layout.manifest(digest))
        for blob in tree.blobs:
            async for _ in self._layout.stream(blob):
                pass

    async def _resolve(self, ref: Reference) -> Digest | None:
        known = await self._contents()
        names = (str(ref), f"{ref.repository.path.rpartition('/')[2]}:{ref.tag}", ref.tag or "")
        digests = next((known.named[name] for name in names if name in known.named), None)
        if digests is None:
            digests = known.nameless if not known.named else frozenset()
        if len(digests) > 1:
            listed = ", ".join(sorted(map(str, digests)))
            raise RegistryError(f"{self._layout.folder} holds several images of {ref}: {listed}")
        return next(iter(digests), None)

    async def _contents(self) -> _Contents:
        if self._known is None:
            self._known = await self._read()
        return self._known

    async def _read(self) -> _Contents:
        named: dict[str, frozenset[Digest]] = {}
        nameless: set[Digest] = set()
        referrers: dict[Digest, ReferrerList] = {}
        lists: dict[str, ReferrerList] = {}
        unusable: list[str] = []
        for entry in self._layout.entries():
            if entry.media_type not in MANIFEST_TYPES:
                continue
            names = {entry.annotations[key] for key in (REF_NAME, FULL_NAME) if key in entry.annotations}
            try:
                manifest = await self._layout.manifest(entry.digest)
            except RegistryError as fault:
                unusable.append(f"{entry.digest}: {fault.message}")
                named |= {name: named.get(name, frozenset()) | {entry.digest} for name in names}
                continue
            if manifest.is_index:
                lists |= {name: ReferrerList(manifest.children) for name in names}
            if manifest.subject is not None:
                about = manifest.subject.digest
                listed = referrers.get(about, ReferrerList(()))
                referrers[about] = listed.joined(ReferrerList((manifest.as_referrer(),)))
            else:
                named |= {name: named.get(name, frozenset()) | {entry.digest} for name in names}
                nameless |= set() if names else {entry.digest}
        return _Contents(named, frozenset(nameless), referrers, lists, tuple(unusable))
