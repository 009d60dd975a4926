"""A catalogue before some files changed: the same tree with the earlier versions of those files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from pipeline.catalogue.source import IMAGES, Source, SourceFile

_BELOW = f"{IMAGES}/"

Before = Mapping[str, SourceFile | None]
"""What stood at each changed path before; None where there was nothing."""


def reverted(source: Source, before: Before) -> Source:
    """The tree with the earlier entry of every path in `before`. Version control stores files and links, but no
    folders, and of modes only whether a file is executable: anything else about a path counts as unchanged."""
    files = dict(source.files)
    for path in before:
        files.pop(path, None)
    for folder in _emptied(files, before):
        files.pop(folder, None)
    for path, entry in before.items():
        if entry is None:
            continue
        now = source.get(path)
        if now is not None and now.kind == entry.kind and bool(now.mode & 0o111) == bool(entry.mode & 0o111):
            entry = replace(entry, mode=now.mode)
        files[path] = entry
        for folder in _above(path):
            files.setdefault(folder, SourceFile("dir", 0o755))
    return Source(MappingProxyType(files), None)


def part(source: Source, folders: Collection[str]) -> Source:
    """Only some folders of images/ (by name): enough to read the definitions of their images."""
    files: dict[str, SourceFile] = {}
    for path, entry in source.files.items():
        if path == IMAGES or (path.startswith(_BELOW) and path.split("/", 2)[1] in folders):
            files[path] = entry
    return Source(MappingProxyType(files), source.root)


def _emptied(files: Mapping[str, SourceFile], before: Before) -> set[str]:
    """Parent folders of paths that did not exist, if nothing else is below them."""
    folders = {folder for path, entry in before.items() if entry is None for folder in _above(path)}
    if not folders:
        return folders
    alive: set[str] = set()
    for path, entry in files.items():
        if entry.kind != "dir":
            for folder in _above(path):
                if folder in alive:
                    break
                alive.add(folder)
    return {f for f in folders - alive if f in files and files[f].kind == "dir" and f != IMAGES}


def _above(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
