"""What a build is given beside its Dockerfile."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from pipeline.catalogue.source import Source
from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """Build arguments, whether the context is as somebody says (so that no other is looked for), platforms if they are
    not the project's, the stage that is built (empty: the last), where all that is declared (file and line), and what
    of it is left to the user."""

    args: Mapping[str, str] = field(default_factory=lambda: _NONE)
    fixed_context: bool = False
    platforms: tuple[str, ...] = ()
    target: str = ""
    where: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildDefaults:
    """What the user says of all builds: build arguments, and the context below the folder (None: not said)."""

    args: Mapping[str, str] = field(default_factory=lambda: _NONE)
    context: str | None = None


NO_OPTIONS = BuildOptions()
NOTHING_GIVEN = BuildDefaults()


def context_folder(source: Source, context: str) -> str:
    """The path of a context below the folder read; the folder itself is empty. Raises UsageError if it is none."""
    path = posixpath.normpath(context)
    if path == ".":
        return ""
    if path.startswith(("../", "/")) or not source.is_dir(path):
        hint = "--context takes a folder below the one that is read; . is that one itself"
        raise UsageError(f"--context {context[:80]!r} is no folder there", hint=hint)
    return path
