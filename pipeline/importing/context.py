"""The contents of rootfs/: the files of a build context that its Dockerfiles copy."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping

from pipeline.catalogue.source import Source, SourceFile
from pipeline.util.closure import reachable
from pipeline.util.dataclass import dataclass

from .dockerignore import DockerIgnore, above, is_wild, matched


@dataclass(frozen=True, slots=True)
class Context:
    """Entries by their path below the context, and notes for the user to check."""

    entries: Mapping[str, SourceFile]
    by_hand: tuple[str, ...]

    @property
    def links(self) -> frozenset[str]:
        """Paths of symbolic links, which have no content of their own."""
        return frozenset(p for p, e in self.entries.items() if e.kind == "link")


def context_of(source: Source, folder: str, ignore: DockerIgnore, sources: Iterable[str]) -> Context:
    """The entries that these sources of COPY name; links include their targets, if they are in the folder.

    Raises ValueError for an invalid pattern.
    """
    head = f"{folder}/" if folder else ""
    inside = {path[len(head) :]: source.files[path] for path in _below(source, folder)}
    wanted = tuple(dict.fromkeys(sources))
    present = {p for p, e in inside.items() if not ignore.ignores(p)}
    chosen = matched(present, wanted)
    by_hand: list[str] = []
    for literal in wanted:
        if (
            literal in inside
            and literal not in present
            and not any(p.startswith(f"{literal}/") for p in present)
        ):
            by_hand.append(f"{head}{literal} is left out by .dockerignore, and copied nevertheless")
        elif not is_wild(literal) and any(inside[p].kind == "link" for p in above(literal) if p in inside):
            chosen |= {p for p in above(literal) if p in present and inside[p].kind == "link"}
    _follow(inside, present, chosen, head, by_hand)
    for path in sorted(chosen):
        if inside[path].kind == "other":
            by_hand.append(f"{head}{path} is a device, socket or pipe and is left out")
    regular = {p: inside[p] for p in sorted(chosen) if inside[p].kind != "other"}
    parents = {folder for path in regular for folder in above(path)}
    entries = {p: e for p, e in regular.items() if not (e.kind == "dir" and p in parents)}
    return Context(entries, tuple(by_hand))


def _below(source: Source, folder: str) -> Iterator[str]:
    """Every path below a folder."""

    def children(parent: str) -> Iterator[str]:
        if parent == folder or source.files[parent].kind == "dir":
            for name in source.children(parent):
                yield f"{parent}/{name}" if parent else name

    return (path for path in reachable([folder], children) if path != folder)


def _follow(
    inside: Mapping[str, SourceFile], present: set[str], chosen: set[str], head: str, by_hand: list[str]
) -> None:
    """Add the targets of selected links; report those outside the context."""

    def links(paths: Iterable[str]) -> list[str]:
        return sorted(path for path in paths if inside[path].kind == "link")

    def follow(link: str) -> list[str]:
        target = inside[link].target or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(link), target))
        if target.startswith("/") or path == ".." or path.startswith("../"):
            by_hand.append(f"{head}{link} is a link to {target}, outside of the context")
            return []
        new = matched(present - chosen, [path])
        chosen.update(new)
        return links(new)

    reachable(links(chosen), follow)
