"""Mirroring of repositories by pattern: planned by digest, copied with everything attached, tags last.

Each repository costs one list of tags at either end; a tag that both have costs one HEAD at either end, one that is new
a HEAD at the source alone. Nothing is ever deleted: what the source no longer has stays where it was copied to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from fnmatch import fnmatchcase
from functools import partial
from types import MappingProxyType
from typing import Self

import anyio

from pipeline.errors import LockageError, RegistryError
from pipeline.model import Digest, Reference, Repository
from pipeline.util.concurrency import both, each
from pipeline.util.dataclass import dataclass

from ..client import Registry
from ..http.faults import RequestFailed
from .image import CopyResult

IMAGES = 4
"""How many images are copied at once."""
_ATTACHED = re.compile(r"sha256-[0-9a-f]{64}(\.(sig|att|sbom))?")


@dataclass(frozen=True, slots=True)
class RepositoryPattern:
    """Repositories of one registry: a name, or a pattern of names in which `*` stands for any characters, `/` too."""

    host: str
    pattern: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HOST/NAME` or `HOST/PATTERN`. Raises ValueError."""
        host, _, pattern = text.partition("/")
        if "*" not in text:
            repository = Repository.parse(text)
            return cls(repository.host, repository.path)
        Repository(host, re.sub(r"\*+", "x", pattern))
        return cls(host, pattern)

    @property
    def single(self) -> Repository | None:
        """The repository that it names; None for a pattern."""
        return None if "*" in self.pattern else Repository(self.host, self.pattern)

    @property
    def folder(self) -> str:
        """What the names of all its repositories begin with, up to the last `/` before the first `*`."""
        return self.pattern.partition("*")[0].rpartition("/")[0]

    def matches(self, repository: Repository) -> bool:
        """Whether a repository is one of these."""
        return repository.host == self.host and fnmatchcase(repository.path, self.pattern)

    def __str__(self) -> str:
        return f"{self.host}/{self.pattern}"


@dataclass(frozen=True, slots=True)
class MirrorRule:
    """What is mirrored where: `tags` and `excluded` are patterns of tags; `to` is HOST[/NAMESPACE], below which
    repositories keep their names but for what all of them begin with."""

    source: RepositoryPattern
    to: str
    tags: tuple[str, ...] = ("*",)
    excluded: tuple[str, ...] = ()

    def destination(self, repository: Repository) -> Repository:
        """Where a repository goes."""
        name = repository.path.removeprefix(f"{self.source.folder}/")
        host, _, namespace = self.to.partition("/")
        return Repository(host, f"{namespace}/{name}" if namespace else name)

    def covers(self, repository: Repository) -> bool:
        """Whether a repository is mirrored: one that is a copy itself is not."""
        return self.source.matches(repository) and not str(repository).startswith(f"{self.to}/")

    def wants(self, tag: str) -> bool:
        """Whether a tag is mirrored. Tags that list or sign other manifests go with these."""
        if _ATTACHED.fullmatch(tag) or any(fnmatchcase(tag, pattern) for pattern in self.excluded):
            return False
        return any(fnmatchcase(tag, pattern) for pattern in self.tags)


@dataclass(frozen=True, slots=True)
class MirrorTag:
    """One tag of a source, what it names, and what its copy names now; None where that does not exist."""

    source: Reference
    destination: Reference
    digest: Digest
    before: Digest | None

    @property
    def moves(self) -> bool:
        """Whether the copy has to be written."""
        return self.before != self.digest

    def __str__(self) -> str:
        return f"{self.destination}  {self.before.short if self.before else 'nothing'} → {self.digest.short}"

    def to_json(self) -> dict[str, str | None]:
        """The tag as data."""
        before = str(self.before) if self.before else None
        return {
            "source": str(self.source),
            "reference": str(self.destination),
            "from": before,
            "to": str(self.digest),
        }


@dataclass(frozen=True, slots=True)
class MirrorResult:
    """What was written; `failed` are the faults by destination, `left_out` what of the attached content could not be
    copied, and why."""

    moves: tuple[MirrorTag, ...]
    failed: Mapping[str, LockageError] = field(default_factory=lambda: MappingProxyType({}))
    left_out: tuple[str, ...] = ()
    referrers: int = 0
    sent: int = 0


async def plan_mirror(registry: Registry, *rules: MirrorRule) -> tuple[MirrorTag, ...]:
    """Every tag that the rules are about, by repository and tag.

    Raises RegistryError where a registry fails, lists no repositories, or has none that match, and where two
    repositories would have one copy.
    """
    pairs = [
        (rule, source, rule.destination(source))
        for rule, sources in zip(rules, await each(partial(_repositories, registry), rules), strict=True)
        for source in sources
    ]
    origins: dict[Repository, Repository] = {}
    for _, source, destination in pairs:
        if origins.setdefault(destination, source) != source:
            raise RegistryError(
                f"{origins[destination]} and {source} would both be mirrored to {destination}",
                hint="mirror them below different namespaces",
            )
    by_pair = await each(lambda pair: _plan(registry, *pair), pairs)
    return tuple({tag.destination: tag for part in by_pair for tag in part}.values())


async def _repositories(registry: Registry, rule: MirrorRule) -> Sequence[Repository]:
    pattern = rule.source
    if pattern.single:
        return (pattern.single,)
    try:
        listed = await registry.repositories(pattern.host)
    except RequestFailed as failed:
        if failed.status in (401, 403, 404, 405, 501):
            raise RegistryError(
                f"{pattern.host} does not list its repositories, which {pattern} needs: {failed.message}",
                hint="mirror each repository by its name, without *",
            ) from failed
        raise
    covered = [repository for repository in listed if rule.covers(repository)]
    if not covered:
        raise RegistryError(
            f"no repository matches {pattern}; {pattern.host} lists {len(listed)}",
            hint="quote the pattern, so that the shell leaves * alone; without permission, registries list nothing",
        )
    return covered


async def _plan(
    registry: Registry, rule: MirrorRule, source: Repository, destination: Repository
) -> list[MirrorTag]:
    if source == destination:
        raise RegistryError(
            f"{source} would be mirrored to itself", hint="name another registry or namespace"
        )
    tags, existing = await both(lambda: registry.tags(source), lambda: registry.tags(destination))
    copied = frozenset(existing)

    async def one(tag: str) -> MirrorTag | None:
        head = await registry.head(source.tagged(tag))
        if head is None:  # deleted since it was listed
            return None
        held = await registry.head(destination.tagged(tag)) if tag in copied else None
        before = held.digest if held else None
        return MirrorTag(source.tagged(tag), destination.tagged(tag), head.digest, before)

    planned = await each(one, [tag for tag in tags if rule.wants(tag)])
    return [tag for tag in planned if tag]


async def perform_mirror(
    registry: Registry, planned: Iterable[MirrorTag], *, referrers: bool = True, check: bool = False
) -> MirrorResult:
    """Copy what tags are to move to, by digest, then move the tags of each repository. What fails keeps no other tag
    from being written. With `check`, unchanged tags are copied again: what was attached since, and what was lost."""
    limiter = anyio.CapacityLimiter(IMAGES)
    images: dict[tuple[Repository, Repository, Digest], list[MirrorTag]] = {}
    for tag in planned:
        if tag.moves or check:
            key = tag.source.repository, tag.destination.repository, tag.digest
            images.setdefault(key, []).append(tag)

    async def copy(image: tuple[Repository, Repository, Digest]) -> CopyResult | LockageError:
        source, destination, digest = image
        async with limiter:
            try:
                return await registry.copy(source, digest, destination, referrers=referrers, check=check)
            except LockageError as fault:
                return fault

    async def write(tag: MirrorTag) -> LockageError | None:
        repository = tag.destination.repository
        try:
            await registry.copy(repository, tag.digest, repository, tag=tag.destination.tag)
        except LockageError as fault:
            return fault
        return None

    async def of_repository(repository: Repository) -> MirrorResult:
        part = {image: tags for image, tags in images.items() if image[1] == repository}
        copies = dict(zip(part, await each(copy, part), strict=True))
        results = [copied for copied in copies.values() if isinstance(copied, CopyResult)]
        moving = [t for i, tags in part.items() if isinstance(copies[i], CopyResult) for t in tags if t.moves]
        written = dict(zip(moving, await each(write, moving), strict=True))
        failed = {
            str(tag.destination): fault
            for image, tags in part.items()
            for tag in tags
            if (fault := _fault(copies[image]) or written.get(tag))
        }
        return MirrorResult(
            tuple(tag for tag, fault in written.items() if fault is None),
            failed,
            tuple(reason for copied in results for reason in copied.left_out),
            sum(len(copied.referrers) for copied in results),
            sum(copied.sent for copied in results),
        )

    return _joined(await each(of_repository, dict.fromkeys(image[1] for image in images)))


def _fault(copied: CopyResult | LockageError) -> LockageError | None:
    return copied if isinstance(copied, LockageError) else None


def _joined(parts: Sequence[MirrorResult]) -> MirrorResult:
    return MirrorResult(
        tuple(move for part in parts for move in part.moves),
        {name: fault for part in parts for name, fault in part.failed.items()},
        tuple(reason for part in parts for reason in part.left_out),
        sum(part.referrers for part in parts),
        sum(part.sent for part in parts),
    )
