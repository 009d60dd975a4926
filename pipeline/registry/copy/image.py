"""Copying of an image with everything that belongs to it, in the fewest requests.

Referrers go before the image's own tag, so that what a tag shows is complete whenever it is looked at. One HEAD
on the destination, by tag where there is one, decides whether the image is there already: a registry that took
an index has its children, unless somebody deleted them from under it (`check` asks). It costs a request when the
image is new, saves all the others when it is not, and makes a second run read-only. Within one registry, an index
of two platforms with eight blobs takes 3 GET, 1 HEAD, 8 mounts and 3 PUT.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.manifest import Manifest
from pipeline.oci.source import ContentSource
from pipeline.util.concurrency import each

from .. import manifests
from ..cache import SeenContent
from ..http.transport import Transport
from ..referrers import Fallback
from .source import RepositorySource
from .tree import Tree, once

REFERRER_DEPTH = 2
"""Referrers, and what refers to them, as a signature of an SBOM does."""


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What a copy did. `descriptor` is the copied image; counts are of this copy alone; `sent` is in bytes.

    `already` says that the destination held the image before, `tagged` that its tag was written now. `referrers`
    belong to the image and its children; `dangling` were listed by the source but are not there.
    """

    descriptor: Descriptor
    already: bool
    tagged: bool
    manifests: int
    mounted: int
    uploaded: int
    sent: int
    referrers: tuple[Descriptor, ...]
    dangling: tuple[Digest, ...]


class Copy:
    """One copy in progress; `run` performs it."""

    def __init__(
        self,
        transport: Transport,
        known: SeenContent,
        fallback: Fallback,
        source: ContentSource,
        dest: Repository,
    ) -> None:
        self._transport, self._known, self._fallback = transport, known, fallback
        self._source, self._dest = source, dest
        self._there = RepositorySource(transport, dest)
        self._tree = Tree(transport, known, source, dest)
        self._dangling: list[Digest] = []

    async def run(self, digest: Digest, *, tag: str | None, with_referrers: bool, check: bool) -> CopyResult:
        """Copy the image; see `Registry.copy`."""
        within = self._source.repository == self._dest
        steps = (lambda: self._tree.manifest(digest), lambda: self._look(digest, tag))
        top, (has_tag, present) = await each(lambda step: step(), steps)
        if present and not check:
            children = once(top.children)
        else:
            children = await self._tree.below(top, ask=check)
        attached: list[Descriptor] = []
        if with_referrers and not within:
            subjects = [top.descriptor, *children]
            attached = await self._attach(subjects, present, REFERRER_DEPTH)
            await self._attach_tags(subjects)
            await self._list_referrers()
        if not present or (tag is not None and not has_tag):
            await self._tree.write(top, tag)
        tree = self._tree
        return CopyResult(
            top.descriptor,
            present,
            tag is not None and not has_tag,
            len(tree.written),
            len(tree.mounted),
            len(tree.uploaded),
            sum(d.size for d in tree.uploaded),
            tuple(attached),
            tuple(self._dangling),
        )

    async def _look(self, digest: Digest, tag: str | None) -> tuple[bool, bool]:
        """Whether the destination has the tag on this digest, and whether it has the digest: one HEAD at most."""
        if self._source.repository == self._dest or self._known.has(self._dest, digest):
            return False, True
        ref = self._dest.tagged(tag) if tag else self._dest.at(digest)
        found = await manifests.head(self._transport, ref)
        same = found is not None and found.digest == digest
        return same and tag is not None, same

    async def _attach(self, subjects: Iterable[Descriptor], present: bool, depth: int) -> list[Descriptor]:
        """Write what refers to the subjects, and in turn to that; gives all of it, each once."""
        digests = [d.digest for d in once(subjects)]
        found = await self._source.referrers(digests)
        there: dict[Digest, list[Descriptor]] = {}
        if present and any(found.values()):
            there = await self._there.referrers([d for d in digests if found.get(d)])
        have = {d.digest for part in there.values() for d in part}

        async def one(entry: Descriptor) -> tuple[Manifest | None, list[Descriptor]]:
            if entry.digest in have or self._known.has(self._dest, entry.digest):
                return None, [entry]
            try:
                manifest = await self._tree.manifest(entry.digest)
            except RegistryError:
                if not await self._source.lacks(entry.digest):
                    raise
                self._dangling.append(entry.digest)
                return None, []
            return manifest, [entry, *await self._tree.below(manifest)]

        async def of_subject(entries: Iterable[Descriptor]) -> list[Descriptor]:
            """What refers to one subject: blobs at once, manifests one by one. A registry that keeps the list
            of referrers by reading and rewriting it (olareg 0.2.2) loses entries that arrive together."""
            ready = await each(one, entries)
            for manifest, _ in ready:
                if manifest is not None:
                    await self._tree.write(manifest)
            return [d for _, part in ready for d in part]

        groups = [once(found.get(digest, ())) for digest in digests]
        copied = once(d for part in await each(of_subject, groups) for d in part)
        if copied and depth > 1:
            copied += await self._attach(copied, present, depth - 1)
        return once(copied)

    async def _attach_tags(self, subjects: Iterable[Descriptor]) -> None:
        """Signatures of cosign before referrers: `sha256-<hex>.sig` and its like, overwritten as cosign does."""

        async def one(item: tuple[str, Manifest]) -> None:
            tag, manifest = item
            await self._tree.below(manifest)
            await self._tree.write(manifest, tag)

        await each(one, await self._source.attached_tags([d.digest for d in once(subjects)]))

    async def _list_referrers(self) -> None:
        async def note(item: tuple[Digest, list[Descriptor]]) -> None:
            await self._fallback.add(self._dest, *item)

        await each(note, self._tree.unlisted.items())
