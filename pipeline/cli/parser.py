"""The command line's parser. Only the commands that a command line names are imported; `--help` imports all."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from .command import Command, CommandGroup, Invocation

_MODULES = {
    "run": "run.run",
    "build": "run.stages",
    "scan": "run.stages",
    "sbom": "run.stages",
    "test": "run.stages",
    "push": "run.stages",
    "sign": "run.stages",
    "manifest": "run.manifest",
    "rebuild": "run.rebuild",
    "compare": "run.compare",
    "promote": "release.promote",
    "plan": "catalogue.plan",
    "generate": "catalogue.generate",
    "graph": "catalogue.graph",
    "lock": "catalogue.lock",
    "schema": "catalogue.schema",
    "init": "catalogue.init",
    "import": "catalogue.import_dockerfiles",
    "outdated": "catalogue.outdated",
    "verify": "release.verify",
    "up": "instance.up",
    "down": "instance.down",
    "status": "instance.status",
    "env": "instance.env",
    "artifact": "artifact",
    "copy": "release.copy",
    "export": "release.export",
}
"""The module below `commands` that holds each command, in the order of the help."""

_EPILOG = """\
the stages in order: build, scan, sbom, test, push, sign, promote; each command runs the stages before it
for what has not passed them. Targets are named by image (python), tag (python:3.11) or id
(python/3.11.2/linux-amd64).

  lockage run                   everything, for the whole catalogue
  lockage run python --to prod  one image and its bases, promoted to prod
  lockage plan --json           what would be done, as data
  lockage status                engine and registry, and how they run
"""


def parse(arguments: Sequence[str]) -> Invocation:
    """The command that a command line names, with its options. Exits as argparse does for what it does not know."""
    namespace = make_parser(_named(arguments)).parse_args(arguments)
    command: Command[Any] = namespace.command
    return command.invocation(namespace)


def make_parser(names: Collection[str] = _MODULES) -> argparse.ArgumentParser:
    """The parser of these commands; each sets `command` to its `Command`."""
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
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _commands(names):
        command.add_to(subparsers)
    return parser


def _commands(names: Collection[str]) -> Iterator[Command[Any] | CommandGroup]:
    for name in names:
        module = importlib.import_module(f"pipeline.cli.commands.{_MODULES[name]}")
        yield next(command for command in module.COMMANDS if command.name == name)


def _named(arguments: Sequence[str]) -> Collection[str]:
    """The one command that is needed, or all where that is not certain: for help, and for a name nobody knows."""
    words = iter(arguments)
    for word in words:
        if word in _MODULES:
            return (word,)
        if word == "-C":
            next(words, None)
        elif word != "-v" and not word.startswith("-C"):
            break
    return _MODULES


class _LazyVersion(str):
    """The version, looked up when it is printed."""

    def __str__(self) -> str:
        from importlib.metadata import version

        return f"lockage {version('lockage')}"

    def __mod__(self, other: object) -> str:
        return str(self)
