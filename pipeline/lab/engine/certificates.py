"""Further certificate authorities that an engine and its containers trust: this machine's own, or those of a folder.

An engine that has any puts them into every container before a RUN and takes them out afterwards; in an image with
Debian's `ca-certificates` that is `update-ca-certificates` twice, and its bundle written anew in that layer.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UsageError

from ..settings import LabSettings

VARIABLE = "LOCKAGE_CERTIFICATES"
_NONE = "none"
_USUAL = Path("/usr/local/share/ca-certificates")


def folder(settings: LabSettings) -> Path | None:
    """The folder that VARIABLE names, else where this machine keeps its own; None where there is none to be had.

    Raises UsageError for a folder that is named and not there.
    """
    said = choice(settings)
    if said == _NONE:
        return None
    if said and not Path(said).is_dir():
        raise UsageError(
            f"{VARIABLE}={said[:200]} is no folder", hint=f"a folder with *.crt files, or {_NONE}"
        )
    path = Path(said).absolute() if said else _USUAL
    return path if path.is_dir() else None


def choice(settings: LabSettings) -> str:
    """What the environment says; empty where it says nothing."""
    return settings.environ.get(VARIABLE) or ""
