"""The command line's parser. A command's module is imported when its arguments are parsed, not when it is listed."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .command import Command, Invocation, Parser, sentence
from .commands import ENTRIES, load

if TYPE_CHECKING:
    from .command import CommandGroup

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
    namespace = make_parser().parse_args(arguments)
    command: Command[Any] = namespace.command
    return command.invocation(namespace)


def _folder(text: str) -> Path:
    """The folder of `-C`: absolute, because `root / path` is put below `root` again where files are opened."""
    return Path() if Path(text) == Path() else Path(text).absolute()


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets `command` to its `Command`."""
    parser = Parser(
        prog="lockage",
        description="Takes a folder of image descriptions through build, scan, SBOM, test, push, sign and promote.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-C", dest="root", metavar="DIR", type=_folder, default=Path(), help="run as if started in DIR"
    )
    parser.add_argument(
        "-v", dest="verbose", action="store_true", help="more detail, and tracebacks of errors"
    )
    parser.add_argument("--version", action="version", version=_LazyVersion())
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_LazyParser)
    for entry in ENTRIES:
        subparsers.add_parser(
            entry.name,
            help=entry.summary,
            description=sentence(entry.summary),
            load=partial(load, entry),
        )
    return parser


class _LazyParser(Parser):
    """The parser of one command, not initialised until somebody uses it: argparse looks for translations of each
    parser's headings, in files."""

    def __init__(self, *, load: Callable[[], Command[Any] | CommandGroup], **settings: Any) -> None:
        self._load: Callable[[], Command[Any] | CommandGroup] | None = load
        self._settings: dict[str, Any] | None = settings

    def __getattr__(self, name: str) -> Any:
        """What ArgumentParser sets."""
        if self._settings is None:
            raise AttributeError(name)
        settings, self._settings = self._settings, None
        super().__init__(**settings)
        return getattr(self, name)

    def _check_help(self, action: argparse.Action) -> None:
        """Python 3.14 formats each summary to see whether it can; it would initialise every parser."""

    def parse_known_args(self, *arguments: Any, **keywords: Any) -> Any:
        """As ArgumentParser does, with the command's arguments."""
        if self._load is not None:
            self._load().add_to(self)
            self._load = None
        return super().parse_known_args(*arguments, **keywords)


class _LazyVersion(str):
    """The version, looked up when it is printed: argparse replaces `%(prog)s` only then."""

    def __new__(cls) -> Self:
        return super().__new__(cls, "%(prog)s")

    def __str__(self) -> str:
        from importlib.metadata import version

        return f"lockage {version('lockage')}"

    def __mod__(self, other: object) -> str:
        return str(self)
