"""A command: its options as a type and the function that runs it; where it is in the help, `commands` lists."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass
from pipeline.util.printable import safe_line
from pipeline.util.suggest import did_you_mean

from .arguments import add_arguments, includes, read
from .common_options import CommonOptions, ReportOptions

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Options = TypeVar("Options", bound=DataclassInstance)
else:
    Options = TypeVar("Options")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are two lines, as those of commands: what is wrong, and what to do. They quote arguments,
    and are printable."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(Exit.USAGE, f"error: {self.prog}: {safe_line(message)}\nnext: {self.prog} --help\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """One word that is near instead of all that there are."""
        choices = [str(choice) for choice in action.choices or ()]
        if not choices or value in choices:
            super()._check_value(action, value)
            return
        near = did_you_mean(str(value), choices)
        known = near or f"one of {', '.join(choices)}"
        raise argparse.ArgumentError(action, f"{value!r} is not known; {known}")


@dataclass(frozen=True, slots=True)
class Invocation:
    """One command line: what every command understands, where a report of problems goes, and what to run."""

    common: CommonOptions
    code_quality: Path | None
    run: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Command(Generic[Options]):
    """The type of a command's options, and its function, which gives the exit code."""

    options: type[Options]
    run: Callable[[Options], int]

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments to its parser."""
        add_arguments(parser, self.options)
        parser.set_defaults(command=self)

    def invocation(self, namespace: argparse.Namespace) -> Invocation:
        """What was parsed, typed. Values are converted when it is run: a wrong one is an error like others."""
        reports = includes(self.options, ReportOptions)
        return Invocation(
            read(CommonOptions, namespace),
            read(ReportOptions, namespace).code_quality if reports else None,
            lambda: self.run(read(self.options, namespace)),
        )


@dataclass(frozen=True, slots=True)
class CommandGroup:
    """Commands below one name, `lockage NAME ACTION`, each with its line in the help."""

    actions: Mapping[str, tuple[str, Command[Any]]]

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add the actions to the parser of the group."""
        subparsers = parser.add_subparsers(metavar="ACTION", required=True, parser_class=Parser)
        for name, (summary, command) in self.actions.items():
            command.add_to(subparsers.add_parser(name, help=summary, description=sentence(summary)))


def sentence(summary: str) -> str:
    """A line of the help as the description of its command."""
    return f"{summary[0].upper()}{summary[1:]}."
