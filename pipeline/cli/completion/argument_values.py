"""The values that an argument may have, by its choices or by what the help calls its value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..arguments import Argument

FILES = ":files"
FOLDERS = ":folders"

PATHS = {
    "FILE": FILES,
    "FILE|DIR": FILES,
    "FILE:MEDIATYPE": FILES,
    "DIR": FOLDERS,
    "FOLDER": FOLDERS,
    "ROOT": FOLDERS,
}
NAMES = {"TARGET", "ID", "IMAGE", "ENV", "BEFORE", "AFTER", "OS/ARCH"}

Candidate = tuple[str, str]
"""A value and its description, which may be empty."""


def path_directive(argument: Argument) -> str | None:
    """`FILES` or `FOLDERS` where a path is expected."""
    return PATHS.get(_metavar(argument))


def value_candidates(argument: Argument, begun: str, root: Path) -> Iterator[Candidate]:
    """The candidates for a value that begins so, of a command that works in `root`.

    Images come first: their tags once the text names one image (`python`, `python:`), their ids after a slash.
    """
    metavar = _metavar(argument)
    for choice in argument.settings.get("choices") or ():
        yield str(choice), ""
    if metavar == "SEVERITY":
        from pipeline.model import Severity

        yield from ((severity.lower(), "") for severity in Severity.__members__)
    if metavar not in NAMES or (metavar == "IMAGE" and argument.convert):  # else a reference of a registry
        return
    from .catalogue_names import names_in

    names = names_in(root)
    if names is None:
        return
    if metavar in ("ENV", "BEFORE", "AFTER"):
        yield from names.environments.items()
    elif metavar == "OS/ARCH":
        yield from ((platform, "") for platform in names.platforms)
    elif metavar == "IMAGE":
        yield from ((name, image.title) for name, image in names.images.items())
    else:
        yield from names.targets(begun)


def _metavar(argument: Argument) -> str:
    return str(argument.settings.get("metavar", ""))
