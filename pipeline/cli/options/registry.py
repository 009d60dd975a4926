"""Registries: artifacts in and out, images from one to another, images out as archives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .common import command, targets


def add(commands: Any) -> None:
    """Register the commands of this group."""
    artifact = commands.add_parser(
        "artifact",
        help="files under their media types in a registry: push, pull, show",
        description="Files under their media types in a registry: OCI artifacts that are not images.",
    )
    actions = artifact.add_subparsers(metavar="ACTION", required=True)
    push = command(actions, "push", "artifact:push", "write files as an artifact")
    push.add_argument("reference", metavar="REF", help="HOST/NAME:TAG, or HOST/NAME to write by digest")
    push.add_argument("files", nargs="+", metavar="FILE:MEDIATYPE", help="a file and what it is")
    push.add_argument("--artifact-type", metavar="TYPE", help="media type of the whole")
    push.add_argument("--annotation", action="append", default=[], metavar="NAME=VALUE")
    push.add_argument("--subject", metavar="REF", help="what it refers to, in the same repository")
    push.add_argument("--config", metavar="FILE:MEDIATYPE", help="a config instead of the empty one")
    push.add_argument("--wasm", action="store_true", help="a Wasm module: its config is written for it")
    pull = command(actions, "pull", "artifact:pull", "write an artifact's files to a folder")
    pull.add_argument("reference", metavar="REF")
    pull.add_argument("--output", metavar="DIR", type=Path, default=Path(), help="folder (default: here)")
    look = command(actions, "show", "artifact:look", "what a reference holds: type, files, annotations")
    look.add_argument("reference", metavar="REF")
    copy = command(
        commands, "copy", "copy:copy", "copy an image and all that belongs to it to another repository"
    )
    copy.add_argument("source", metavar="FROM", help="HOST/NAME:TAG or HOST/NAME@sha256:…")
    copy.add_argument("destination", metavar="TO", help="HOST/NAME:TAG, or HOST/NAME to write by digest")
    copy.add_argument(
        "--no-referrers", action="store_true", help="leave signatures, SBOMs, attestations behind"
    )
    copy.add_argument("--check", action="store_true", help="ask for every part, and mend what is missing")
    export = command(commands, "export", "export:export", "write images as archives (OCI layouts) to dist/")
    targets(export)
    export.add_argument(
        "--output", metavar="DIR", type=Path, default=Path("dist"), help="folder (default: dist)"
    )
