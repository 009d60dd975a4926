"""Folders that look like a version, tag or variant but are none: their contents would be silently ignored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from pipeline.errors import Problem
from pipeline.util.suggest import did_you_mean

from .context_folders import folder_of, folder_of_check
from .definition import Definition
from .named_contexts import kind_of
from .source import IMAGE_FILE, IMAGES, ROOTFS, Source

_TEMPLATES = ("Dockerfile.tmpl", "Dockerfile.*.tmpl", "test.yml.tpl", "test.*.yml.tpl")


def check_unused_folders(source: Source, definitions: Iterable[Definition], problems: list[Problem]) -> None:
    """Append a problem for every folder with rootfs/ or templates that belongs to no tag and no variant."""
    used: set[str] = set()
    names: dict[str, set[str]] = {}
    contexts: set[str] = set()
    for d in definitions:
        used.update(d.folders)
        explicit = (d.template, d.inherited_template, d.test_template, d.inherited_test_template)
        named = {e.name.rpartition("/")[0] for e in explicit if e is not None}
        used.update(f"{folder}/{name}" for folder in d.folders for name in named)
        contexts.update(
            folder_of(c.value, c.position) for c in d.contexts.values() if kind_of(c.value) == "folder"
        )
        contexts.update(folder for c in d.checks.values() if (folder := folder_of_check(c)))
        for folder in d.folders:
            known = names.setdefault("/".join(folder.split("/")[:2]), set())
            known.update((d.base_tag, *((d.variant,) if d.variant else ())))
    for image, known in names.items():
        for folder in _below(source, image, 2):
            if folder in used or source.get(f"{folder}/{IMAGE_FILE}") is not None:
                continue
            if any(folder == context or folder.startswith(f"{context}/") for context in contexts):
                continue
            content = _content(source, folder)
            if content:
                message = f"holds {content} and is the folder of no version, tag or variant"
                near = did_you_mean(folder.rpartition("/")[2], known)
                hint = (
                    near or f"a name that starts with _ is left alone; known: {', '.join(sorted(known)[:8])}"
                )
                problems.append(Problem(folder, 0, 0, "", message, hint))


def _below(source: Source, folder: str, depth: int) -> Iterator[str]:
    if not depth or not folder.startswith(f"{IMAGES}/"):
        return
    for name in source.children(folder):
        path = f"{folder}/{name}"
        if name != ROOTFS and not name.startswith(("_", ".")) and source.is_dir(path):
            yield path
            yield from _below(source, path, depth - 1)


def _content(source: Source, folder: str) -> str | None:
    for name in source.children(folder):
        if name == ROOTFS:
            return "rootfs/"
        if any(fnmatchcase(name, pattern) for pattern in _TEMPLATES):
            return name
    return None
