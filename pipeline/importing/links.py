"""Symbolic links in a folder of Dockerfiles: what they lead to, and those that would be images if they were folders."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator

from pipeline.catalogue.source import Source
from pipeline.util.dataclass import dataclass

from .dockerignore import above

LINK = "is a symbolic link"
_ROOT = "/folder"
_MOST = 40  # links on the way, as Linux has it


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link: its path, its target as written, and the path below the folder that it leads to (None: outside
    of the folder)."""

    path: str
    written: str
    leads_to: str | None


def links_to(source: Source, folders: Collection[str]) -> Iterator[Link]:
    """The links to one of these folders or to one above, and those that lead out of the folder read, sorted."""
    holding = {part for folder in folders for part in (folder, *above(folder))}
    resolve = _Resolver(source)
    for path in sorted(source.files):
        if source.files[path].kind == "link":
            leads_to = resolve.end_of(path)
            if leads_to is None or leads_to in holding:
                yield Link(path, source.files[path].target or "", leads_to)


def end_of(source: Source, path: str) -> str | None:
    """Where a link leads to, below the folder; None if that is outside."""
    return _Resolver(source).end_of(path)


class _Resolver:
    """Follows links by their text alone. Targets that lead out of the folder and back into it are found by its path."""

    def __init__(self, source: Source) -> None:
        self._source = source
        root = source.root
        self._roots = (str(root.absolute()), str(root.resolve())) if root is not None else (_ROOT,)

    def end_of(self, path: str) -> str | None:
        """Where a link leads to, through other links; None if that is outside."""
        for _ in range(_MOST):
            entry = self._source.get(path)
            if entry is None or entry.kind != "link":
                return path
            inside = self._inside(posixpath.dirname(path), entry.target or "")
            if inside is None:
                return None
            path = inside
        return path

    def _inside(self, folder: str, target: str) -> str | None:
        for root in self._roots:
            full = posixpath.normpath(posixpath.join(root, folder, target))
            if full == root:
                return ""
            if full.startswith(f"{root.rstrip('/')}/"):
                return full[len(root.rstrip("/")) + 1 :]
        return None
