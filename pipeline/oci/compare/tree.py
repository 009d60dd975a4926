"""Layers on top of each other: the files that a container sees (OCI image-spec v1.1, layer.md, "Applying")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..layer import Kind
from .listing import Listing, Seen


def flatten(layers: Iterable[Listing]) -> Listing:
    """The tree of some layers, lowest first. A hard link is shown as the file it leads to; a path is not followed
    through symbolic links."""
    tree: dict[str, Seen] = {}
    for layer in layers:
        _hide(tree, layer)
        shown = {p: s for p, s in layer.items() if s.entry.whiteout is None and s.entry.opaque is None}
        for path, seen in shown.items():
            if seen.entry.kind is not Kind.LINK:
                tree[path] = seen
        for path, seen in shown.items():
            if seen.entry.kind is Kind.LINK:
                tree[path] = _followed(tree, shown, seen)
    return tree


def _hide(tree: dict[str, Seen], layer: Listing) -> None:
    """Take out of the tree below what a layer removes or replaces, in one pass."""
    gone = {s.entry.whiteout for s in layer.values()} - {None}
    emptied = {s.entry.opaque for s in layer.values()} - {None}
    replaced = {p for p, s in layer.items() if s.entry.kind is not Kind.FOLDER and p in tree}
    hidden = gone | emptied | replaced
    if not hidden:
        return
    for path in [p for p in tree if p in gone or any(above in hidden for above in _above(p))]:
        del tree[path]


def _above(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def _followed(tree: dict[str, Seen], layer: Listing, seen: Seen) -> Seen:
    """The file behind a hard link, under the link's own path; the link itself where it leads nowhere."""
    target, steps = seen.entry.link, 0
    while target in layer and layer[target].entry.kind is Kind.LINK and steps < 100:
        target, steps = layer[target].entry.link, steps + 1
    found = tree.get(target)
    return Seen(replace(found.entry, path=seen.entry.path), found.digest) if found else seen
