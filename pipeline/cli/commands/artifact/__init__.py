"""artifact: files under their media types in a registry, OCI artifacts that are not images."""

from __future__ import annotations

from ...command import CommandGroup
from .pull import COMMAND as PULL
from .push import COMMAND as PUSH
from .show import COMMAND as SHOW

COMMANDS = {
    "artifact": CommandGroup(
        {
            "push": ("write files as an artifact", PUSH),
            "pull": ("write an artifact's files to a folder", PULL),
            "show": ("show what a reference holds: type, files, annotations", SHOW),
        }
    )
}
