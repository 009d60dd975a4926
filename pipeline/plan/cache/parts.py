"""What each folder of images/ contributes to a plan, and which of it another plan can take over.

A part is valid as long as everything that it was made of is the same: all files of its folder, the files elsewhere that
its templates and gates read or looked for, and the names of the images that its Dockerfiles mention. lockage.yml,
the lock and the options are the same for all parts of a plan (`fingerprint.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from functools import cached_property

from pipeline.catalogue.source import IMAGES, Source, SourceFile
from pipeline.model import Platform
from pipeline.util.dataclass import dataclass

from ..plan import Plan, Target

Tags = dict[str, dict[str, str]]  # by image: every tag and alias with its tag
Platforms = dict[tuple[str, str], tuple[Platform, ...]]  # by image and tag


@dataclass(frozen=True, slots=True)
class PlanPart:
    """One folder of images/: its image, what the renderings of its templates took, the files outside the folder that
    were read or looked for, and the images whose names were."""

    image: str
    work: int
    output: int
    files: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class PlanParts:
    """A plan with its parts by folder, such as `images/python`."""

    plan: Plan
    parts: Mapping[str, PlanPart] = field(default_factory=dict)
    files: tuple[str, ...] = ()  # those that the policy of lockage.yml names

    @cached_property
    def _targets(self) -> Mapping[str, tuple[Target, ...]]:
        """The targets of each image."""
        targets: dict[str, list[Target]] = {}
        for target in self.plan.targets:
            targets.setdefault(target.image, []).append(target)
        return {image: tuple(of_image) for image, of_image in targets.items()}

    @property
    def targets(self) -> dict[str, Target]:
        """The targets of all parts, by id."""
        own = (self._targets.get(part.image, ()) for part in self.parts.values())
        return {target.id: target for targets in own for target in targets}

    @cached_property
    def names(self) -> tuple[Tags, Platforms]:
        """The tags, aliases and platforms of all parts."""
        return _names(self.targets.values())

    def stale(self, tags: Tags, platforms: Platforms) -> frozenset[str]:
        """The folders of parts that the names of the other images of the catalogue make invalid."""
        kept = {part.image for part in self.parts.values()}
        changed = {
            image
            for image in (tags.keys() | self._targets.keys()) - kept
            if not self._are_the_names(image, tags, platforms)
        }
        return frozenset(
            folder
            for folder, part in self.parts.items()
            if part.image in tags or not changed.isdisjoint(part.names)
        )

    def without(self, folders: Collection[str]) -> PlanParts:
        """The same with fewer parts."""
        parts = {folder: part for folder, part in self.parts.items() if folder not in folders}
        return PlanParts(self.plan, parts, self.files)

    def _are_the_names(self, image: str, tags: Tags, platforms: Platforms) -> bool:
        tags_before, platforms_before = _names(self._targets.get(image, ()))
        own = {(image, tag) for tag in tags.get(image, {}).values()}
        return tags_before.get(image) == tags.get(image) and all(
            set(platforms.get(name, ())) == set(platforms_before.get(name, ())) for name in own
        )


def _names(targets: Iterable[Target]) -> tuple[Tags, Platforms]:
    tags: Tags = {}
    platforms: Platforms = {}
    for target in targets:
        tags.setdefault(target.image, {}).update(dict.fromkeys(target.tags, target.tag))
        name = target.image, target.tag
        platforms[name] = (*platforms.get(name, ()), target.platform)
    return tags, platforms


@dataclass(frozen=True, slots=True)
class Digests:
    """The state of a source: a digest of each folder of images/ with all that it contains, and one of the rest."""

    source: Source
    folders: Mapping[str, str]
    rest: str

    @classmethod
    def of(cls, source: Source) -> Digests:
        """The digests of a source."""
        digests = {"": hashlib.sha256()}
        above = f"{IMAGES}/"
        for path in sorted(source.files):
            folder = ""
            if path.startswith(above):
                end = path.find("/", len(above))
                folder = path if end < 0 else path[:end]
            digest = digests.get(folder)
            if digest is None:
                digest = digests[folder] = hashlib.sha256()
            digest.update(_state(path, source.files[path]))
        rest = digests.pop("").hexdigest()
        return cls(source, {folder: digest.hexdigest() for folder, digest in digests.items()}, rest)

    def file(self, path: str) -> str | None:
        """The digest of one entry; None if there is none."""
        entry = self.source.get(path)
        return None if entry is None else hashlib.sha256(_state(path, entry)).hexdigest()

    def files(self, paths: Iterable[str]) -> dict[str, str | None]:
        """The digests of entries."""
        return {path: self.file(path) for path in paths}


def _state(path: str, entry: SourceFile) -> bytes:
    """Everything of an entry that a plan could depend on."""
    content = entry.target if entry.kind == "link" else entry.sha256
    head = f"{path}\0{entry.kind}\0{entry.mode:o}\0{entry.size}\0{content}\0".encode()
    return head + entry.content if entry.content is not None else head
