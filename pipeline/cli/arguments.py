"""Declare a command's arguments as fields of a frozen dataclass, add them to a parser, read them back as its value.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class LockOptions:
        common: CommonOptions = group(CommonOptions)
        check: bool = flag("--check", help="report what is missing or has moved; write nothing")

The name of a field is also its name in the parser, so no two fields of one command share a name. A path is one below
the folder of `-C`, as if the command had been started there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)

Convert = Callable[[Any], object]
"""What argparse gives -> the field's value; raises UsageError."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One call of `ArgumentParser.add_argument`; `exclusive` names a set of which one may be given."""

    flags: tuple[str, ...]
    settings: Mapping[str, Any]
    convert: Convert | None = None
    exclusive: str | None = None

    @property
    def takes_value(self) -> bool:
        """Whether a value follows the flags."""
        return self.settings.get("action") in (None, "append")


def flag(*flags: str, help: str) -> Any:
    """A field that is true when one of the flags is given."""
    return _field(Argument(flags, {"action": "store_true", "help": help}), False)


def option(
    *flags: str,
    default: object = None,
    convert: Convert | None = None,
    exclusive: str | None = None,
    **settings: Any,
) -> Any:
    """A field with one value. `settings` go to `add_argument`."""
    return _field(Argument(flags, {"default": default, **settings}, convert, exclusive), default)


def repeated(*flags: str, convert: Convert | None = None, **settings: Any) -> Any:
    """A field that is a tuple: the option may be given several times. `convert` gets all values at once."""
    return _field(Argument(flags, {"action": "append", "default": [], **settings}, convert), ())


def positional(*, default: object = MISSING, convert: Convert | None = None, **settings: Any) -> Any:
    """A field that is a positional argument, a tuple where `nargs` is `*` or `+`."""
    given = settings if default is MISSING else {"default": default, **settings}
    return _field(Argument((), given, convert), default)


def inherited() -> Any:
    """A field that an option of the program itself fills, before the command's name."""
    return field(metadata={"inherited": True})


def group(options: type[DataclassInstance]) -> Any:
    """A field that holds options several commands share."""
    return field(metadata={"group": options})


def add_arguments(parser: argparse.ArgumentParser, options: type[DataclassInstance]) -> None:
    """Add what the fields of `options` declare to a parser, shared groups included."""
    exclusive: dict[str, Any] = {}
    for name, argument in declared(options):
        target: Any = parser
        if argument.exclusive:
            if argument.exclusive not in exclusive:
                exclusive[argument.exclusive] = parser.add_mutually_exclusive_group()
            target = exclusive[argument.exclusive]
        if argument.flags:
            target.add_argument(*argument.flags, dest=name, **argument.settings)
        else:
            target.add_argument(name, **argument.settings)


def read(options: type[T], namespace: argparse.Namespace) -> T:
    """The value of the options that were parsed. Raises what the fields' `convert` raises: UsageError."""
    parsed = vars(namespace)
    return options(**{each.name: _value(each, namespace, parsed) for each in fields(options)})


def includes(options: type[DataclassInstance], shared: type[DataclassInstance]) -> bool:
    """Whether a command's options hold a shared group, at any depth."""
    groups = [each.metadata["group"] for each in fields(options) if "group" in each.metadata]
    return any(group is shared or includes(group, shared) for group in groups)


def names(options: type[DataclassInstance]) -> Sequence[str]:
    """The names of all arguments of a command in the parser."""
    return [name for name, _ in declared(options)]


def declared(options: type[DataclassInstance]) -> Iterator[tuple[str, Argument]]:
    """The arguments of a command by their names in the parser, shared groups included."""
    for each in fields(options):
        if "group" in each.metadata:
            yield from declared(each.metadata["group"])
        elif "argument" in each.metadata:
            yield each.name, each.metadata["argument"]


def words(options: DataclassInstance) -> Iterator[str]:
    """The arguments that give these options again: what differs from the defaults, as text."""
    for each in fields(options):
        value = getattr(options, each.name)
        if "group" in each.metadata:
            yield from words(value)
        elif "argument" in each.metadata and value is not None and value != each.default:
            yield from _words(each.metadata["argument"], value)


def _words(argument: Argument, value: object) -> Iterator[str]:
    if value is True:
        yield argument.flags[0]
        return
    for one in value if isinstance(value, tuple) else (value,):
        yield f"{argument.flags[0]}={one}" if argument.flags else str(one)


def _field(argument: Argument, default: object) -> Any:
    if default is MISSING:
        return field(metadata={"argument": argument})
    return field(default=default, metadata={"argument": argument})


def _value(declared: Field[Any], namespace: argparse.Namespace, parsed: Mapping[str, Any]) -> object:
    if "group" in declared.metadata:
        return read(declared.metadata["group"], namespace)
    value = parsed[declared.name]
    argument: Argument | None = declared.metadata.get("argument")
    if isinstance(value, list):
        value = tuple(value)
    if argument and argument.convert and value is not None:
        value = argument.convert(value)
    return _below(parsed.get("root"), value) if argument else value


def _below(root: Path | None, value: object) -> object:
    """Paths of a command line below `-C`'s folder: absolute, so that whoever puts them below it again does no harm."""
    if root is None or root == Path():
        return value
    if isinstance(value, Path):
        return (root / value).absolute()
    if isinstance(value, tuple) and value and all(isinstance(one, Path) for one in value):
        return tuple((root / one).absolute() for one in value)
    return value
