"""The changed files that each target reads: the reasons when only their names are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pipeline.catalogue.context_folders import folder_of
from pipeline.catalogue.definition import Definition
from pipeline.catalogue.named_contexts import kind_of
from pipeline.catalogue.source import IMAGE_FILE, IMAGES, ROOTFS, Source
from pipeline.catalogue.templating.includes import reads
from pipeline.catalogue.templating.search import dockerfile_names, structure_test_names

from ..plan import Target
from .reverted import Before


class Changed:
    """Changed paths below the root; `before` has their earlier entries, if known."""

    def __init__(self, source: Source, paths: Iterable[str], before: Before | None = None) -> None:
        self.source, self.before = source, before
        self.paths: Mapping[str, int] = {path: rank for rank, path in enumerate(dict.fromkeys(paths))}
        self._gone = frozenset(path for path in self.paths if source.get(path) is None)
        self._texts = frozenset(path for path in self.paths if ROOTFS not in path.split("/")[:-1])
        self._folders = by_folder(self.paths)
        self._reads: dict[str, frozenset[str]] = {}

    def describe(self, path: str) -> str:
        """`images/a/Dockerfile.tmpl changed`, or is new, or is gone."""
        if path in self._gone:
            return f"{path} is gone"
        new = self.before is not None and path in self.before and self.before[path] is None
        return f"{path} is new" if new else f"{path} changed"

    def sorted(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Changed paths in their input order."""
        return tuple(sorted(set(paths), key=self.paths.__getitem__))

    def below(self, folder: str) -> tuple[str, ...]:
        """The changed paths in a folder of images/."""
        return self._folders.get(folder.rpartition("/")[2], ())

    def of_templates(self, templates: Iterable[str | None]) -> tuple[str, ...]:
        """The changed files that a rendering of these templates reads or searches for, through includes."""
        return self.sorted(path for template in templates if template for path in self._read(template))

    def of_rootfs(self, definition: Definition, target: Target) -> Iterator[str]:
        """The changed files of rootfs/ that a target's tree has, or would have if they existed."""
        owners = {e.path: e.origin for e in target.rootfs}
        yield from self.paths.keys() & set(owners.values())
        for path in self.below(definition.folders[0]):
            if path in self._gone:
                yield from _lost(definition, owners, path)

    def of_contexts(self, definition: Definition) -> Iterator[str]:
        """The changed files in folders that are named contexts of a tag."""
        for context in definition.contexts.values():
            if kind_of(context.value) == "folder":
                folder = f"{folder_of(context.value, context.position)}/"
                yield from (p for p in self.below(definition.folders[0]) if p.startswith(folder))

    def _read(self, template: str) -> frozenset[str]:
        if template not in self._reads:
            read = reads(self.source, template)
            changed = (read.files & self.paths.keys()) | (read.missing & self._gone)
            self._reads[template] = frozenset(changed | self._texts if read.computed else changed)
        return self._reads[template]

    def missing(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of these paths that changed and no longer exist."""
        return self._gone.intersection(paths)


def by_folder(paths: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Changed paths by their folder of images/."""
    out: dict[str, list[str]] = {}
    for path in paths:
        parts = path.split("/", 2)
        if parts[0] == IMAGES and len(parts) == 3 and not parts[1].startswith(("_", ".")):
            out.setdefault(parts[1], []).append(path)
    return {folder: tuple(inside) for folder, inside in out.items()}


def read_by(changed: Changed, definition: Definition, target: Target) -> tuple[str, ...]:
    """The changed files that a target depends on, in their input order.

    Every image.yml of the image counts, because aliases are computed from all its tags.
    """
    read = {path for path in changed.below(definition.folders[0]) if path.endswith(f"/{IMAGE_FILE}")}
    read.update(changed.of_templates((target.template, target.test_template)))
    read.update(changed.of_rootfs(definition, target))
    read.update(changed.of_contexts(definition))
    read.update(changed.missing(_templates(definition)))
    return changed.sorted(read)


def _templates(definition: Definition) -> set[str]:
    """Every path where a template of a tag is searched for."""
    names = (*dockerfile_names(definition).every, *structure_test_names(definition).every)
    return {f"{folder}/{name}" for folder in definition.folders for name in names}


def _lost(definition: Definition, owners: Mapping[str, str], path: str) -> Iterator[str]:
    """A path that no longer exists, unless a more specific level has it."""
    for number, folder in enumerate(definition.folders):
        inside = path.removeprefix(f"{folder}/{ROOTFS}/")
        if inside != path:
            later = [f"{f}/{ROOTFS}/{inside}" for f in definition.folders[number + 1 :]]
            if owners.get(inside) not in later:
                yield path
