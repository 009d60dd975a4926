"""One declared build, and where its paths lead."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from pipeline.catalogue.source import Source
from pipeline.model import Platform
from pipeline.util.dataclass import dataclass

_ADDRESS = ("://", "git@", "github.com/", "service:", "target:")


class NotRead(Exception):
    """Why a declared build is not read."""


@dataclass(frozen=True, slots=True)
class DeclaredBuild:
    """A build that a file declares, at `where` (file and line). Paths are below the folder read, `image` is as written
    (empty: none)."""

    name: str
    where: str
    context: str
    dockerfile: str
    image: str
    args: Mapping[str, str]
    target: str
    platforms: tuple[str, ...]
    notes: tuple[str, ...]  # what is left to the user


@dataclass(frozen=True, slots=True)
class Declared:
    """The builds of files, and the builds and files that are not read, with the reason."""

    builds: tuple[DeclaredBuild, ...] = ()
    left: tuple[tuple[str, str], ...] = ()


@dataclass
class DeclaredEntry:
    """A build while its keys are read."""

    name: str
    where: str
    notes: list[str]
    context: str = "."
    dockerfile: str = "Dockerfile"
    image: str = ""
    target: str = ""

    def note(self, message: str) -> None:
        """Leave something to the user."""
        self.notes.append(f"{self.where}: {message}")


def declared_build(
    source: Source, folder: str, entry: DeclaredEntry, args: Mapping[str, str], platforms: tuple[str, ...]
) -> DeclaredBuild:
    """The build of an entry of a file in a folder. Raises NotRead."""
    written = entry.context
    if any(part in written for part in _ADDRESS):
        raise NotRead(f"its context {written[:200]} is no folder here")
    context = posixpath.normpath(posixpath.join(folder, written))
    context = "" if context == "." else context
    if context.startswith(("..", "/")):
        raise NotRead(f"its context {written[:200]} is outside of the folder")
    if context and not source.is_dir(context):
        raise NotRead(f"there is no folder {context[:200]}")
    dockerfile = posixpath.normpath(posixpath.join(context, entry.dockerfile))
    file = source.get(dockerfile)
    if file is None or file.kind != "file":
        raise NotRead(f"there is no file {dockerfile[:200]}")
    platforms = _platforms(entry, platforms)
    return DeclaredBuild(
        entry.name,
        entry.where,
        context,
        dockerfile,
        entry.image,
        args,
        entry.target,
        platforms,
        tuple(entry.notes),
    )


def _platforms(entry: DeclaredEntry, written: tuple[str, ...]) -> tuple[str, ...]:
    """The platforms that can be built; the others are left to the user. Raises NotRead if there is none."""
    known: list[str] = []
    for text in written:
        try:
            known.append(str(Platform.parse(text)))
        except ValueError:
            entry.note(f"the platform {text[:80]} is not built here")
    if written and not known:
        raise NotRead(f"its platforms ({', '.join(written)[:200]}) are not built here")
    return tuple(dict.fromkeys(known))
