"""One repository as it is: its tags, the manifests that they name, what is attached to what. In few requests.

A tag takes one request; none where an earlier run knows its digest and nothing depends on it. Referrers are listed of
what may go alone: what is attached to something that stays says so itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress

from pipeline.model import Digest, Repository
from pipeline.model.descriptor import INDEX_TYPES
from pipeline.model.manifest import Manifest
from pipeline.policy.retention import Node, RepositoryFacts
from pipeline.registry import Registry
from pipeline.state.retention import RetentionMemory
from pipeline.util.concurrency import each
from pipeline.util.timestamps import parse_timestamp

_ABOUT = re.compile(r"(sha256|sha512)-([0-9a-f]{64,128})(?:\.(?:sig|att|sbom))?")
_CREATED = "org.opencontainers.image.created"


def subject_of(tag: str) -> Digest | None:
    """The digest that a tag is about by its name: `sha256-<hex>`, as referrers are listed, or cosign's `….sig`."""
    match = _ABOUT.fullmatch(tag)
    try:
        return Digest(f"{match[1]}:{match[2]}") if match else None
    except ValueError:
        return None


class RepositoryReader:
    """Reads a repository as often as needed; what has a digest is read once."""

    def __init__(self, registry: Registry, repository: Repository, memory: RetentionMemory) -> None:
        self._registry, self.repository, self._memory = registry, repository, memory
        self.tags: dict[str, Digest] = {}
        self.nodes: dict[Digest, Node] = dict(memory.nodes)
        self.created: dict[Digest, int] = dict(memory.created)
        self.gone: set[Digest] = set()
        self._known = {name: tag.digest for name, tag in memory.tags.items()}
        self._present: set[Digest] = set()  # what this reader has seen in the registry
        self._attachments: set[Digest] = (
            set()
        )  # lists of referrers and cosign's signatures, among what was read
        self._parsed: set[Digest] = set()
        self._indexes: set[Digest] = set()  # indexes in indexes
        self._expanded: set[Digest] = set()
        self._has_api = True

    async def read(self, *, fresh: bool) -> None:
        """Read all tags: with `fresh` by a request for each, else only those that nothing is known of.

        Raises RegistryError.
        """
        names = await self._registry.tags(self.repository)
        known = {} if fresh else self._known
        self.tags = {name: known[name] for name in names if name in known}
        self.gone.clear()
        await self.refresh(name for name in names if name not in known)
        await self._complete()

    async def take(self, tags: Mapping[str, Digest], manifests: Iterable[Digest]) -> None:
        """Take tags and manifests from a list that has them all. Raises RegistryError."""
        self.tags, present = dict(tags), set(manifests)
        self.gone.clear()
        self._known.update(tags)
        self._present = set(present)
        for digest in self.nodes.keys() - present:
            self._lost(digest)
        await each(self._get, sorted({*self.tags.values(), *present} - self.nodes.keys()))
        await self._complete()

    def forget(self, digest: Digest) -> None:
        """A manifest was deleted."""
        self.nodes.pop(digest, None)
        self._present.discard(digest)
        self._parsed.discard(digest)

    async def refresh(self, names: Iterable[str]) -> bool:
        """Read tags again; those that are gone are left out. Whether one has changed. Raises RegistryError."""
        changed = False
        for name, digest in await each(self._tag, names):
            changed = changed or self.tags.get(name) != digest
            if digest is None:
                self.tags.pop(name, None)
            else:
                self.tags[name] = self._known[name] = digest
        return changed

    async def expand(self, digests: Iterable[Digest]) -> bool:
        """Look at what may go: whether it is there, and what is attached to it. Whether anything new was found.

        Raises RegistryError.
        """
        new = [digest for digest in digests if digest not in self._expanded]
        self._expanded.update(new)
        await each(self._expand, new)
        await self._complete()
        return bool(new)

    def facts(
        self,
        needed: Mapping[Digest, str] | None = None,
        condemned: Iterable[Digest] = (),
        untagged: Mapping[Digest, int] | None = None,
    ) -> RepositoryFacts:
        """What is known of the repository now."""
        return RepositoryFacts(
            dict(self.tags),
            dict(self.nodes),
            self.attached(),
            frozenset(self.gone),
            needed or {},
            frozenset(condemned),
            untagged or {},
        )

    def attached(self) -> dict[str, Digest]:
        """The tags that list or hold what is attached to a digest. An image whose tag looks like a digest is none."""
        subjects = {}
        for name, digest in self.tags.items():
            subject = subject_of(name) if name.startswith("sha") else None
            known = digest in self._attachments if digest in self._parsed else name in self._memory.attached
            if subject is not None and known and subject != digest:
                subjects[name] = subject
        return subjects

    async def _tag(self, name: str) -> tuple[str, Digest | None]:
        reference = self.repository.tagged(name)
        if self._known.get(name) in self.nodes:
            head = await self._registry.head(reference)
            digest = head.digest if head else None
            if digest is not None and digest not in self.nodes:
                await self._get(digest)
        else:
            manifest = await self._registry.get_manifest(reference)
            digest = manifest.digest if manifest else None
            if manifest is not None:
                self._add(manifest)
        if digest is not None:
            self._present.add(digest)
        return name, digest

    async def _get(self, digest: Digest) -> None:
        manifest = await self._registry.get_manifest(self.repository.at(digest))
        if manifest is None:
            self._lost(digest)
        else:
            self._add(manifest)

    def _add(self, manifest: Manifest) -> None:
        digest, subject, children = manifest.digest, manifest.subject, manifest.children
        self.nodes[digest] = Node(
            digest, tuple(c.digest for c in children), frozenset({subject.digest} if subject else ())
        )
        self._present.add(digest)
        self._parsed.add(digest)
        self._indexes.update(child.digest for child in children if child.media_type in INDEX_TYPES)
        if _is_attachment(manifest):
            self._attachments.add(digest)
        with suppress(KeyError, ValueError):
            self.created.setdefault(digest, parse_timestamp(manifest.annotations[_CREATED]))

    def _lost(self, digest: Digest) -> None:
        self.gone.add(digest)
        self.nodes.pop(digest, None)

    async def _expand(self, digest: Digest) -> None:
        if digest not in self._parsed and digest not in self.gone:
            await self._get(digest)
        if not self._has_api:
            return
        listed = await self._registry.referrers_by_api(self.repository, digest)
        if listed is None:
            self._has_api = False
            return
        await each(self._get, [one.digest for one in listed if one.digest not in self.nodes])

    async def _complete(self) -> None:
        """Indexes in indexes, and whether what others refer to is there."""
        while nested := sorted(self._indexes - self.nodes.keys() - self.gone):
            await each(self._get, nested)
        children = {child for node in self.nodes.values() for child in node.children}
        subjects = {subject for node in self.nodes.values() for subject in node.subjects}
        subjects.update(self.attached().values())
        unknown = subjects - self.nodes.keys() - children - self._present - self.gone
        await each(self._look, sorted(unknown))

    async def _look(self, digest: Digest) -> None:
        if await self._registry.head(self.repository.at(digest)) is None:
            self._lost(digest)
        else:
            self._present.add(digest)


def _is_attachment(manifest: Manifest) -> bool:
    """Whether a manifest is a list of referrers, or holds signatures and statements, rather than an image."""
    if manifest.is_index:
        return all(child.platform is None and child.artifact_type for child in manifest.children)
    return not any("tar" in layer.media_type for layer in manifest.layers)
