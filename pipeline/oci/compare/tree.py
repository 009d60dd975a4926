"""Layers applied on top of each other: the files that a container sees (OCI image-spec v1.1, layer.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..layer import EntryKind
from .listing import ListedEntry, Listing


def flatten(layers: Iterable[Listing]) -> Listing:
    """The tree of some layers, lowest first. A hard link appears as its target file; paths through symbolic links are
    not followed."""
    tree = _Tree()
    for layer in layers:
        _apply_removals(tree, layer)
        visible = {p: s for p, s in layer.items() if s.entry.whiteout is None and s.entry.opaque is None}
        for path, listed in visible.items():
            if listed.entry.kind is not EntryKind.LINK:
                tree.put(path, listed)
        for path, listed in visible.items():
            if listed.entry.kind is EntryKind.LINK:
                tree.put(path, _link_target(tree.entries, visible, listed))
    return tree.entries


class _Tree:
    """Entries by path, and the paths in each folder: to empty a folder costs what is in it, not the whole tree."""

    def __init__(self) -> None:
        self.entries: dict[str, ListedEntry] = {}
        self._inside: dict[str, set[str]] = {}
        """Direct children; of the root it is under the empty path, which is in no folder."""

    def put(self, path: str, listed: ListedEntry) -> None:
        self.entries[path] = listed
        while path:
            parent = path.rpartition("/")[0]
            siblings = self._inside.setdefault(parent, set())
            if path in siblings:
                return
            siblings.add(path)
            path = parent

    def remove(self, path: str) -> None:
        self.entries.pop(path, None)
        self.empty(path)

    def empty(self, folder: str) -> None:
        inside = list(self._inside.pop(folder, ()))
        while inside:
            path = inside.pop()
            self.entries.pop(path, None)
            inside += self._inside.pop(path, ())


def _apply_removals(tree: _Tree, layer: Listing) -> None:
    """Remove from the tree what the next layer removes or replaces."""
    for path, listed in layer.items():
        entry = listed.entry
        if entry.whiteout is not None:
            tree.remove(entry.whiteout)
        if entry.opaque is not None:
            tree.empty(entry.opaque)
        if entry.kind is not EntryKind.FOLDER and path in tree.entries:
            tree.empty(path)


def _link_target(tree: dict[str, ListedEntry], layer: Listing, link: ListedEntry) -> ListedEntry:
    """The file behind a hard link, under the link's own path; the link itself if it has no target."""
    target, steps = link.entry.link, 0
    while target in layer and layer[target].entry.kind is EntryKind.LINK and steps < 100:
        target, steps = layer[target].entry.link, steps + 1
    file = tree.get(target)
    return ListedEntry(replace(file.entry, path=link.entry.path), file.digest) if file else link
