"""The options of `import`, and how their values are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, option, positional, repeated
from ...common_options import CommonOptions

if TYPE_CHECKING:
    from pipeline.importing.layout import FolderLayout


def _prefixes(texts: tuple[str, ...]) -> tuple[str, ...]:
    from pipeline.model import Reference

    prefixes = tuple(text.rstrip("/") for text in texts)
    for prefix in prefixes:
        try:
            Reference.parse(f"{prefix}/image")
        except ValueError:
            hint = "--prefix takes what precedes the image's name in FROM, such as ghcr.io/acme"
            raise UsageError(f"--prefix {prefix[:80]!r} is not host[/path]", hint=hint) from None
    return prefixes


def _names(texts: tuple[str, ...]) -> Mapping[str, str]:
    names = {}
    for text in texts:
        folder, _, image = text.partition("=")
        if not (folder := folder.removeprefix("./").rstrip("/")):
            raise UsageError(f"--name {text[:80]!r} names no folder", hint="--name takes FOLDER=IMAGE")
        names[folder] = _image(image, f"--name {text[:80]!r}")
    return names


def _arguments(texts: tuple[str, ...]) -> Mapping[str, str]:
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not name or not equals:
            hint = "--build-arg NAME=VALUE; NAME= gives an empty value"
            raise UsageError(f"--build-arg {name[:80]!r} has no value", hint=hint)
    return {name: value for name, _, value in pairs}


def _image(text: str, given: str = "--image") -> str:
    from pipeline.importing.names import valid_name

    if not valid_name(text):
        hint = "lower case letters, digits, '.', '_' and '-'; --name takes FOLDER=IMAGE"
        raise UsageError(f"{given}: {text[:80]!r} is not the name of an image", hint=hint)
    return text


def _layouts(texts: tuple[str, ...]) -> tuple[FolderLayout, ...]:
    from pipeline.importing.layout import FolderLayout

    layouts = []
    for text in texts:
        try:
            layouts.append(FolderLayout.parse(text))
        except ValueError as error:
            hint = (
                "a path of folders, such as '<name>/<version>/<os>': <name> is the image, the others its tag"
            )
            raise UsageError(f"--layout {text[:80]!r}: {error}", hint=hint) from None
    return tuple(layouts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What `import` understands."""

    common: CommonOptions = group(CommonOptions)
    folder: Path = positional(type=Path, metavar="DIR", help="folder that holds the Dockerfiles")
    output: Path = option(
        "--output", type=Path, default=Path(), metavar="ROOT", help="where the catalogue goes (default: here)"
    )
    prefixes: tuple[str, ...] = repeated(
        "--prefix",
        metavar="HOST/PATH",
        convert=_prefixes,
        help="the prefix of your own images' names in FROM, such as ghcr.io/acme; may be repeated",
    )
    image: str | None = option(
        "--image",
        metavar="NAME",
        convert=_image,
        help="the only image: folders are its tags, as in 3.13/slim",
    )
    names: Mapping[str, str] = repeated(
        "--name", metavar="FOLDER=IMAGE", convert=_names, help="the image of a folder; may be repeated"
    )
    layouts: tuple[FolderLayout, ...] = repeated(
        "--layout",
        metavar="PATTERN",
        convert=_layouts,
        help="where Dockerfiles are, such as '<name>/<version>/<os>'; may be repeated",
    )
    context: str | None = option(
        "--context",
        metavar="DIR",
        help="the build context of every Dockerfile, below the folder that is read; . is that one itself",
    )
    args: Mapping[str, str] = repeated(
        "--build-arg",
        metavar="NAME=VALUE",
        convert=_arguments,
        help="a build argument, kept as args: of image.yml where an ARG has this name; may be repeated",
    )
    project: str | None = option(
        "--project", metavar="NAME", help="the project's name (default: the folder's)"
    )
    plan: bool = flag("--plan", help="report what would be written; write nothing")
