"""Folders that image.yml names, for contexts and checks: their paths and their contents."""

from __future__ import annotations

from pipeline.errors import Problem

from .definition import Definition, PlacedCheck, Position
from .named_contexts import FOLDER, NamedContext, kind_of
from .rootfs import read_tree
from .source import Source


def folder_of(source: str, position: Position) -> str:
    """The folder of a context: below the folder of the image.yml that names it."""
    return f"{position.document.path.rpartition('/')[0]}/{source.removeprefix(FOLDER).strip('/')}"


def folder_of_check(check: PlacedCheck) -> str | None:
    """The folder that a check names, likewise; None without one."""
    folder = check.entry.folder
    return None if folder is None else folder_of(folder, check.position)


def read_folders(source: Source, definition: Definition, problems: list[Problem]) -> dict[str, NamedContext]:
    """The folder contexts of a tag by name; problems are appended."""
    out: dict[str, NamedContext] = {}
    for name, context in definition.contexts.items():
        if kind_of(context.value) != "folder":
            continue
        folder = folder_of(context.value, context.position)
        top = source.get(folder)
        if top is None or top.kind != "dir":
            reason = "is not there" if top is None else "is no folder"
            problems.append(context.position.problem(f"{folder} {reason}"))
            continue
        tree = read_tree(source, folder, problems)
        out[name] = NamedContext(name, "folder", context.value, entries=tree.entries)
    return out
