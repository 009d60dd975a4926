"""Additional certificate authorities that an engine and its containers trust: this machine's, or those of a folder.

An engine that has any puts them into every container before a RUN and removes them afterwards; in an image with
Debian's `ca-certificates` that is `update-ca-certificates` twice, and its bundle rewritten in that layer.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UsageError

from ..settings import LabSettings

VARIABLE = "LOCKAGE_CERTIFICATES"
_NONE = "none"
_DEFAULT = Path("/usr/local/share/ca-certificates")


def folder(settings: LabSettings) -> Path | None:
    """The folder that VARIABLE names, by default this machine's own; None if VARIABLE is "none" or there is none.

    Raises UsageError if VARIABLE names a folder that does not exist.
    """
    requested = choice(settings)
    if requested == _NONE:
        return None
    if requested and not Path(requested).is_dir():
        raise UsageError(
            f"{VARIABLE}={requested[:200]} is not a folder",
            hint=f"name a folder with *.crt files, or {_NONE}",
        )
    path = Path(requested).absolute() if requested else _DEFAULT
    return path if path.is_dir() else None


def choice(settings: LabSettings) -> str:
    """The value of VARIABLE; empty if it is unset."""
    return settings.environ.get(VARIABLE) or ""
