"""The checks of a tag: their images resolved, their files listed."""

from __future__ import annotations

from pipeline.catalogue.context_folders import folder_of_check
from pipeline.catalogue.definition import Definition, PlacedCheck
from pipeline.catalogue.image_check import CheckService, ImageCheck
from pipeline.catalogue.rootfs import RootfsEntry, read_tree
from pipeline.catalogue.source import Source
from pipeline.errors import Problem

from .graph import Names, UnknownBase


def checks_of(
    source: Source, names: Names, definition: Definition, problems: list[Problem]
) -> tuple[ImageCheck, ...]:
    """The checks of a tag by name; problems are appended."""
    checks = []
    for name, placed in sorted(definition.checks.items()):
        entry, service = placed.entry, placed.entry.service
        try:
            image = None if entry.image is None else names.external(str(entry.image))
        except UnknownBase as error:
            place = placed.position.below("image")
            problems.append(place.problem(error.message, error.suggestion, subject=definition.name))
            continue
        checks.append(
            ImageCheck(
                name,
                entry.command,
                image,
                None if service is None else CheckService(service.args, service.env, service.ports),
                _files(source, placed, problems),
                entry.env,
                entry.timeout,
                entry.junit,
            )
        )
    return tuple(checks)


def _files(source: Source, placed: PlacedCheck, problems: list[Problem]) -> tuple[RootfsEntry, ...]:
    folder = folder_of_check(placed)
    if folder is None:
        return ()
    top = source.get(folder)
    if top is None or top.kind != "dir":
        reason = "is not there" if top is None else "is no folder"
        problems.append(placed.position.below("folder").problem(f"{folder} {reason}"))
        return ()
    return read_tree(source, folder, problems).entries
