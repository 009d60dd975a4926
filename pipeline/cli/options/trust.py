"""Signatures: verify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .common import command, locked


def add(commands: Any) -> None:
    """Register the commands of this group."""
    verify = command(commands, "verify", "verify:verify", "check signatures, without an engine")
    verify.add_argument(
        "references", nargs="*", metavar="IMAGE", help="references (default: all of this revision)"
    )
    verify.add_argument("--key", metavar="FILE", type=Path, help="public key (default: this site's)")
    locked(verify)
