"""artifact: files under their media types in a registry."""

from __future__ import annotations

from ...command import CommandGroup
from .pull import COMMAND as PULL
from .push import COMMAND as PUSH
from .show import COMMAND as SHOW

COMMANDS = (
    CommandGroup(
        "artifact",
        "files under their media types in a registry: push, pull, show",
        "Files under their media types in a registry: OCI artifacts that are not images.",
        (PUSH, PULL, SHOW),
    ),
)
