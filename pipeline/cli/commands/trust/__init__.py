"""trust: what signatures by identity are verified with."""

from __future__ import annotations

from ...command import CommandGroup
from .root import COMMAND as ROOT

COMMANDS = {
    "trust": CommandGroup({"root": ("write the trusted root in force, and report its age", ROOT)}),
}
