"""A command: its name, its options as a type, and the function that runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .arguments import add_arguments, includes, read
from .common_options import CommonOptions, ReportOptions

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
    Options = TypeVar("Options", bound=DataclassInstance)
else:
    Options = TypeVar("Options")


@dataclass(frozen=True, slots=True)
class Invocation:
    """One command line: what every command understands, where a report of problems goes, and what to run."""

    common: CommonOptions
    code_quality: Path | None
    run: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Command(Generic[Options]):
    """`lockage NAME`: `summary` is its line in the help, `run` gives the exit code."""

    name: str
    summary: str
    options: type[Options]
    run: Callable[[Options], int]

    def add_to(self, subparsers: Subparsers) -> None:
        """Register the command."""
        description = f"{self.summary[0].upper()}{self.summary[1:]}."
        parser = subparsers.add_parser(self.name, help=self.summary, description=description)
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
    """`lockage NAME ACTION`: commands under one name."""

    name: str
    summary: str
    description: str
    commands: tuple[Command[Any], ...]

    def add_to(self, subparsers: Subparsers) -> None:
        """Register the commands."""
        parser = subparsers.add_parser(self.name, help=self.summary, description=self.description)
        actions = parser.add_subparsers(metavar="ACTION", required=True)
        for command in self.commands:
            command.add_to(actions)
