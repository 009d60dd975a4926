"""Which of the changed files each target reads: all that can be said when only their names are known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .definition import Definition
from .discover import FILE
from .earlier import Before
from .includes import reads
from .plan import Target
from .source import IMAGES, ROOTFS, Source


@dataclass(frozen=True)
class Changed:
    """Changed paths below the root; `before` has what stood there, where that is known."""

    source: Source
    paths: Collection[str]
    before: Before | None = None
    _reads: dict[str, tuple[frozenset[str], frozenset[str], bool]] = field(default_factory=dict, repr=False)

    def say(self, path: str) -> str:
        """`images/a/Dockerfile.tmpl changed`, or is new, or is gone."""
        if self.source.get(path) is None:
            return f"{path} is gone"
        new = self.before is not None and path in self.before and self.before[path] is None
        return f"{path} is new" if new else f"{path} changed"

    def of_templates(self, templates: Iterable[str | None]) -> Iterator[str]:
        """The changed files that a rendering of these templates reads or looks for, through includes."""
        for template in filter(None, templates):
            if template not in self._reads:
                self._reads[template] = reads(self.source, template)
            found, missing, computed = self._reads[template]
            for path in self.paths:
                here = self.source.get(path) is not None
                if path in found or (not here and path in missing) or (computed and _may_be_included(path)):
                    yield path

    def of_rootfs(self, definition: Definition, target: Target) -> Iterator[str]:
        """The changed files of rootfs/ that a target's tree has, or would have if they were there."""
        origins = {e.origin: e.path for e in target.rootfs}
        owners = {e.path: e.origin for e in target.rootfs}
        for path in self.paths:
            if path in origins:
                yield path
            elif self.source.get(path) is None:
                yield from _lost(definition, owners, path)


def by_folder(paths: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Changed paths by the folder of images/ that they are in."""
    out: dict[str, tuple[str, ...]] = {}
    for path in paths:
        parts = path.split("/", 2)
        if parts[0] == IMAGES and len(parts) == 3 and not parts[1].startswith(("_", ".")):
            out[parts[1]] = (*out.get(parts[1], ()), path)
    return out


def read_by(changed: Changed, definition: Definition, target: Target) -> tuple[str, ...]:
    """The changed files that decide over a target, in the order in which they were named.

    Every image.yml of the image counts, because aliases are made of all its tags.
    """
    image = definition.folders[0]
    found = {p for p in changed.paths if p.startswith(f"{image}/") and p.endswith(f"/{FILE}")}
    found.update(changed.of_templates((target.template, target.test_template)))
    found.update(changed.of_rootfs(definition, target))
    for path in changed.paths:
        if changed.source.get(path) is None and path in _templates(definition):
            found.add(path)
    return tuple(p for p in changed.paths if p in found)


def _may_be_included(path: str) -> bool:
    return ROOTFS not in path.split("/")[:-1]


def _templates(definition: Definition) -> set[str]:
    """Every place where a template of a tag is looked for."""
    explicit = (
        definition.template,
        definition.inherited_template,
        definition.test_template,
        definition.inherited_test_template,
    )
    names = {e.name for e in explicit if e} | {"Dockerfile.tmpl", "test.yml.tpl"}
    if definition.variant:
        names |= {f"Dockerfile.{definition.variant}.tmpl", f"test.{definition.variant}.yml.tpl"}
    return {f"{folder}/{name}" for folder in definition.folders for name in names}


def _lost(definition: Definition, owners: Mapping[str, str], path: str) -> Iterator[str]:
    """A path that is gone, if no more specific level has it."""
    for number, folder in enumerate(definition.folders):
        inside = path.removeprefix(f"{folder}/{ROOTFS}/")
        if inside != path:
            later = [f"{f}/{ROOTFS}/{inside}" for f in definition.folders[number + 1 :]]
            if owners.get(inside) not in later:
                yield path
