"""Writing a catalogue: schema, init, import, outdated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .common import command

SCHEMAS = ("image", "variant", "project", "lock", "plan")


def add(commands: Any) -> None:
    """Register the commands of this group."""
    schema = command(commands, "schema", "schema:schema", "JSON Schema of a file, for editors and programs")
    schema.add_argument("kind", choices=SCHEMAS, help="which file (plan: what `plan --json` prints)")
    init = command(commands, "init", "init:init", "a first catalogue that builds as it stands")
    init.add_argument(
        "folder", nargs="?", metavar="DIR", type=Path, default=Path(), help="where (default: here)"
    )
    init.add_argument("--project", metavar="NAME", help="the project's name (default: the folder's)")
    bring = command(
        commands, "import", "import_dockerfiles:run", "a folder of plain Dockerfiles as a catalogue"
    )
    bring.add_argument("folder", metavar="DIR", type=Path, help="folder that holds the Dockerfiles")
    bring.add_argument(
        "--output", metavar="ROOT", type=Path, default=Path(), help="where the catalogue goes (default: here)"
    )
    bring.add_argument(
        "--prefix",
        action="append",
        default=[],
        metavar="HOST/PATH",
        help="what one's own images are called in front, such as ghcr.io/acme; may be repeated",
    )
    bring.add_argument("--project", metavar="NAME", help="the project's name (default: the folder's)")
    bring.add_argument("--plan", action="store_true", help="say what would be written, and write nothing")
    outdated = command(
        commands, "outdated", "outdated:outdated", "bases and tools whose tag moved since they were locked"
    )
    outdated.add_argument(
        "--newer-tags",
        action="store_true",
        help="also list newer tags of the same kind (12.5-slim: 12.7-slim)",
    )
