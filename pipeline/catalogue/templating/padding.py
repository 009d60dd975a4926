"""Texts whose size a number in them decides: `%` and `str.format`, measured before they are made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import BuiltinMethodType, MethodType
from typing import Any

from jinja2 import Environment
from jinja2.sandbox import SandboxedEscapeFormatter, SandboxedFormatter
from markupsafe import Markup

from .budget import NODE, Budget

_FLAGS = re.compile(r"[-#0 +]*(\*|[0-9]*)(?:\.(\*|[0-9]*))?")
_NUMBER = re.compile(r"[0-9]+")
_SIGNIFICANT = 8  # digits: more are beyond every limit


def charge_percent(budget: Budget, text: str, values: Any) -> None:
    """Charge `text % values`: every width and precision, and the values once for each use."""
    budget.read(text)
    widths, uses = _percent(text, values)
    for _ in range(uses if isinstance(values, Mapping) else 1):
        budget.read(values, 4)
    budget.making(widths, "%")


def _percent(text: str, values: Any) -> tuple[int, int]:
    """The sum of the widths and precisions in a text for `%`, and the number of values that it uses."""
    at = widths = uses = 0
    while (at := text.find("%", at) + 1) > 0:
        if text.startswith("%", at):
            at += 1
            continue
        uses += 1
        if text.startswith("(", at):
            at = _closed(text, at)
        if match := _FLAGS.match(text, at):
            widths += sum(_width(part, values) for part in match.groups() if part)
            at = match.end()
    return widths, uses


def _closed(text: str, at: int) -> int:
    """The offset after the parenthesis that closes the one at an offset."""
    depth = 0
    for number in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[number], 0)
        if not depth:
            return number + 1
    return len(text)


def _width(part: str, values: Any) -> int:
    if part != "*":
        return int(part[-_SIGNIFICANT:]) if len(part) <= _SIGNIFICANT else 10**_SIGNIFICANT
    given = values if isinstance(values, tuple) else (values,)
    return max((abs(value) for value in given if isinstance(value, int)), default=0)


class _Charged(SandboxedFormatter):
    """jinja2's formatter, with charges."""

    budget: Budget

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        """`{a.b[c]}`: the value, by its path."""
        self.budget.charge(8 * NODE * (1 + field_name.count(".") + field_name.count("[")))
        return super().get_field(field_name, args, kwargs)

    def convert_field(self, value: Any, conversion: Any) -> Any:
        """`{!r}` and the like."""
        self.budget.read(value, 4)
        return super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> Any:
        """One value, with its width."""
        self.budget.charge(NODE)
        self.budget.read(value, 4)
        widths = (_width(part.lstrip("0") or "0", ()) for part in _NUMBER.findall(format_spec))
        self.budget.making(sum(widths), "format")
        return super().format_field(value, format_spec)


class _ChargedEscaping(_Charged, SandboxedEscapeFormatter):
    """The same for texts that escape what they are given."""


class Format:
    """The method `format` or `format_map` of a text."""

    def __init__(self, environment: Environment, budget: Budget, text: str, *, takes_map: bool) -> None:
        self._text, self._takes_map = text, takes_map
        self._formatter: _Charged
        if isinstance(text, Markup):
            self._formatter = _ChargedEscaping(environment, escape=text.escape)
        else:
            self._formatter = _Charged(environment)
        self._formatter.budget = budget

    def __call__(self, *values: Any, **named: Any) -> str:
        keys: Mapping[str, Any] = named
        if self._takes_map:
            if named or len(values) != 1:
                raise TypeError("format_map() takes one argument, a mapping")
            [keys], values = values, ()
        self._formatter.budget.read(self._text)
        made = self._formatter.vformat(self._text, values, keys)
        return type(self._text)(self._formatter.budget.made(made, "format"))


def format_method(environment: Environment, budget: Budget, value: Any) -> Callable[..., str] | None:
    """The replacement of a text's `format` or `format_map`; None for anything else."""
    if type(value) not in (BuiltinMethodType, MethodType):
        return None
    name, owner = value.__name__, value.__self__
    if name not in ("format", "format_map") or not isinstance(owner, str):
        return None
    return Format(environment, budget, owner, takes_map=name == "format_map")
