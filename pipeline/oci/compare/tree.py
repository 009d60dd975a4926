"""Layers applied on top of each other: the files that a container sees (OCI image-spec v1.1, layer.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..layer import Kind
from .listing import ListedEntry, Listing


def flatten(layers: Iterable[Listing]) -> Listing:
    """The tree of some layers, lowest first. A hard link appears as its target file; paths through symbolic links are
    not followed."""
    tree: dict[str, ListedEntry] = {}
    for layer in layers:
        _apply_removals(tree, layer)
        visible = {p: s for p, s in layer.items() if s.entry.whiteout is None and s.entry.opaque is None}
        for path, listed in visible.items():
            if listed.entry.kind is not Kind.LINK:
                tree[path] = listed
        for path, listed in visible.items():
            if listed.entry.kind is Kind.LINK:
                tree[path] = _link_target(tree, visible, listed)
    return tree


def _apply_removals(tree: dict[str, ListedEntry], layer: Listing) -> None:
    """Remove from the tree what the next layer removes or replaces, in one pass."""
    removed = {s.entry.whiteout for s in layer.values()} - {None}
    emptied = {s.entry.opaque for s in layer.values()} - {None}
    replaced = {p for p, s in layer.items() if s.entry.kind is not Kind.FOLDER and p in tree}
    hidden = removed | emptied | replaced
    if not hidden:
        return
    for path in [p for p in tree if p in removed or any(parent in hidden for parent in _parents(p))]:
        del tree[path]


def _parents(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def _link_target(tree: dict[str, ListedEntry], layer: Listing, link: ListedEntry) -> ListedEntry:
    """The file behind a hard link, under the link's own path; the link itself if it has no target."""
    target, steps = link.entry.link, 0
    while target in layer and layer[target].entry.kind is Kind.LINK and steps < 100:
        target, steps = layer[target].entry.link, steps + 1
    file = tree.get(target)
    return ListedEntry(replace(file.entry, path=link.entry.path), file.digest) if file else link
