"""Copying of an image with everything that belongs to it, in the fewest requests.

Referrers are written before the image's tag, so that a tag is complete whenever it is read. One HEAD on the
destination, by tag if there is one, decides whether the image is there already: a registry that accepted an index has
its children, unless somebody deleted them since (see `check`). It costs one request for a new image, saves all others
for an existing one, and makes a second run read-only. Within one registry, an index of two platforms with eight blobs
takes 3 GET, 1 HEAD, 8 mounts and 3 PUT.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.manifest import Manifest
from pipeline.oci.image_tree import distinct
from pipeline.oci.source import ContentSource, ReferrerList
from pipeline.util.concurrency import both, each
from pipeline.util.dataclass import dataclass

from .. import manifests
from ..cache import ContentCache
from ..content_faults import describe, is_content_fault
from ..http.faults import RequestFailed
from ..http.transport import Transport
from ..referrers import FallbackTags
from .source import RepositorySource
from .tree import TreeCopy

REFERRER_DEPTH = 2
"""Referrers and their own referrers, such as the signature of an SBOM."""


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What a copy did. `descriptor` is the copied image; counts are of this copy alone; `sent` is in bytes.

    `already` is true if the destination held the image before, `tagged` if its tag was written now. `referrers` are
    those of the image and its children; `dangling` ones were listed by the source but do not exist. `left_out` names
    the others that could not be copied, and why. `before` is what the tag named, where that was requested: not by a
    copy within a repository.
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
    left_out: tuple[str, ...] = ()
    before: Digest | None = None


@dataclass(frozen=True, slots=True)
class _Presence:
    """Whether the destination holds the manifest, and whether its tag is on it; what it named, where that is known."""

    manifest: bool
    tag: bool
    before: Digest | None = None


class Copy:
    """One copy in progress; `run` performs it."""

    def __init__(
        self,
        transport: Transport,
        cache: ContentCache,
        fallback_tags: FallbackTags,
        source: ContentSource,
        dest: Repository,
    ) -> None:
        self._transport, self._cache, self._fallback_tags = transport, cache, fallback_tags
        self._source, self._dest = source, dest
        self._destination = RepositorySource(transport, dest)
        self._tree = TreeCopy(transport, cache, source, dest)
        self._dangling: list[Digest] = []
        self._left_out: list[str] = []

    async def run(self, digest: Digest, *, tag: str | None, with_referrers: bool, check: bool) -> CopyResult:
        """Copy the image; see `Registry.copy`."""
        within = self._source.repository == self._dest
        top, present = await both(lambda: self._tree.manifest(digest), lambda: self._presence(digest, tag))
        if present.manifest and not check:
            children = distinct(top.children)
        else:
            children = await self._tree.copy_below(top, check=check)
        attached: list[Descriptor] = []
        if with_referrers and not within:
            subjects = [top.descriptor, *children]
            attached = await self._copy_referrers(subjects, present.manifest, REFERRER_DEPTH)
            await self._copy_attached_tags(subjects)
            await self._list_referrers()
        tagging = tag is not None and not present.tag
        if not present.manifest or tagging:
            await self._tree.write(top, tag)
        tree = self._tree
        return CopyResult(
            top.descriptor,
            present.manifest,
            tagging,
            len(tree.written),
            len(tree.mounted),
            len(tree.uploaded),
            sum(d.size for d in tree.uploaded),
            tuple(attached),
            tuple(self._dangling),
            tuple(dict.fromkeys(self._left_out)),
            present.before,
        )

    async def _presence(self, digest: Digest, tag: str | None) -> _Presence:
        """One HEAD at most."""
        if self._source.repository == self._dest or self._cache.has(self._dest, digest):
            return _Presence(manifest=True, tag=False)
        ref = self._dest.tagged(tag) if tag else self._dest.at(digest)
        current = await manifests.head(self._transport, ref)
        same = current is not None and current.digest == digest
        before = current.digest if current and tag else None
        return _Presence(manifest=same, tag=same and tag is not None, before=before)

    async def _copy_referrers(
        self, subjects: Iterable[Descriptor], present: bool, depth: int
    ) -> list[Descriptor]:
        """Copy the referrers of the subjects, and theirs in turn. Returns all of them, each once."""
        digests = [d.digest for d in distinct(subjects)]
        wanted = await self._source.referrers(digests)
        self._left_out += [reason for part in wanted.values() for reason in part.unusable]
        existing: dict[Digest, ReferrerList] = {}
        if present and any(part.entries for part in wanted.values()):
            listed = [d for d in digests if d in wanted and wanted[d].entries]
            existing = await self._destination.referrers(listed)
        existing_digests = {d.digest for part in existing.values() for d in part.entries}

        async def prepare(subject: Digest, entry: Descriptor) -> tuple[Manifest | None, list[Descriptor]]:
            if entry.digest in existing_digests or self._cache.has(self._dest, entry.digest):
                return None, [entry]
            try:
                manifest = await self._tree.manifest(entry.digest)
                if manifest.subject is None or manifest.subject.digest != subject:
                    named = manifest.subject.digest if manifest.subject else "nothing"
                    raise RegistryError(f"it is listed for {subject} and refers to {named}")
                return manifest, [entry, *await self._tree.copy_below(manifest)]
            except RegistryError as fault:
                await self._leave_out(entry.digest, fault)
                return None, []

        async def of_subject(subject: Digest) -> list[Descriptor]:
            """The referrers of one subject: blobs concurrently, manifests one by one. A registry that reads and
            rewrites its list of referrers (olareg 0.2.2) loses entries that arrive together."""
            entries = wanted[subject].entries if subject in wanted else ()
            ready = await each(partial(prepare, subject), distinct(entries))
            copied: list[Descriptor] = []
            for manifest, part in ready:
                try:
                    if manifest is not None:
                        await self._tree.write(manifest)
                    copied += part
                except RegistryError as fault:
                    assert manifest is not None
                    await self._leave_out(manifest.digest, fault)
            return copied

        copied = distinct(d for part in await each(of_subject, digests) for d in part)
        if copied and depth > 1:
            copied += await self._copy_referrers(copied, present, depth - 1)
        return distinct(copied)

    async def _leave_out(self, referrer: Digest, fault: RegistryError) -> None:
        """Note a referrer that cannot be copied: whoever may attach one must not stop the copy. Raises the fault if it
        is the registry's."""
        if not is_content_fault(fault):
            raise fault
        if isinstance(fault, RequestFailed) or await self._exists(referrer):
            self._left_out.append(f"{referrer}: {describe(fault)}")
        else:
            self._dangling.append(referrer)

    async def _exists(self, referrer: Digest) -> bool:
        try:
            return not await self._source.lacks(referrer)
        except RegistryError:
            return True

    async def _copy_attached_tags(self, subjects: Iterable[Descriptor]) -> None:
        """Signatures of older cosign versions, tagged `sha256-<hex>.sig` and the like; overwritten as cosign does."""

        async def copy(tagged: tuple[str, Manifest | str]) -> None:
            tag, manifest = tagged
            if isinstance(manifest, str):
                self._left_out.append(f"{tag}: {manifest}")
                return
            try:
                await self._tree.copy_below(manifest)
                await self._tree.write(manifest, tag)
            except RegistryError as fault:
                if not is_content_fault(fault):
                    raise
                self._left_out.append(f"{tag}: {describe(fault)}")

        await each(copy, await self._source.attached_tags([d.digest for d in distinct(subjects)]))

    async def _list_referrers(self) -> None:
        """Where the registry does not list referrers by itself, list them by the fallback tag."""

        async def add(unlisted: tuple[Digest, list[Descriptor]]) -> None:
            await self._fallback_tags.add(self._dest, *unlisted)

        await each(add, self._tree.unlisted.items())
