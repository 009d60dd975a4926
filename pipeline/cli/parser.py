"""What can be said on the command line. Commands are imported when they are called, not when they are listed."""

from __future__ import annotations

import argparse
from pathlib import Path

from .options import authoring, catalogue, lab, registry, running, trust

_EPILOG = """\
the stages in order: build, scan, sbom, test, push, sign, promote; each command does what comes before it
and is not known yet. Targets are named by image (python), tag (python:3.11) or id (python/3.11.2/linux-amd64).

  lockage run                   everything, for the whole catalogue
  lockage run python --to prod  one image and what it stands on, promoted to prod
  lockage plan --json           what would be done, as data
  lockage status                engine, registry, and which way they run
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser; every command sets `command` to a function of the parsed options."""
    parser = argparse.ArgumentParser(
        prog="lockage",
        description="Takes a folder of image descriptions through build, scan, SBOM, test, push, sign and promote.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-C", dest="root", metavar="DIR", type=Path, default=Path(), help="run as if started in DIR"
    )
    parser.add_argument(
        "-v", dest="verbose", action="store_true", help="more detail, and tracebacks of errors"
    )
    parser.add_argument("--version", action="version", version=_LazyVersion())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for group in (running, catalogue, authoring, trust, lab, registry):
        group.add(commands)
    return parser


class _LazyVersion(str):
    """The version, looked up when it is asked for."""

    def __str__(self) -> str:
        from importlib.metadata import version

        return f"lockage {version('lockage')}"

    def __mod__(self, other: object) -> str:
        return str(self)
