"""Writing a catalogue: schema, init, import, outdated."""

from __future__ import annotations

from typing import Any

from .common import command

SCHEMAS = ("image", "variant", "project", "lock", "plan")


def add(commands: Any) -> None:
    """Register the commands of this group."""
    schema = command(commands, "schema", "schema:schema", "JSON Schema of a file, for editors and programs")
    schema.add_argument("kind", choices=SCHEMAS, help="which file (plan: what `plan --json` prints)")
