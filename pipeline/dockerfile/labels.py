"""The labels that a Dockerfile sets: LABEL of the last stage, and of the stages that it is based on.

Keys and values are read as BuildKit reads them (frontend/dockerfile/parser/line_parsers.go), with the variables of
earlier ARG and ENV. Values from a base's environment are unknown before the build.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

from pipeline.model import Platform
from pipeline.util.dataclass import dataclass

from .arguments import global_variables
from .base_uses import Uses
from .bases import find_bases
from .expand import ExpansionSize, expand
from .instructions import Instruction, scanned
from .words import words_of

_SPACE = re.compile(r"[\t\v\f\r ]+")
_KEPT = 4096
_GIVEN_BY_THE_BUILD = frozenset(("SOURCE_DATE_EPOCH",))


@dataclass(frozen=True, slots=True)
class Label:
    """A label's value, None if unknown before the build, and the last line that sets it."""

    value: str | None
    line: int


def labels_of(
    text: str, platform: Platform, arguments: Mapping[str, str], contexts: Collection[str] = ()
) -> Mapping[str, Label]:
    """The labels that the Dockerfile sets on the final image, by key."""
    if "label" not in text.lower():
        return MappingProxyType({})
    return _labels_of(text, platform, tuple(sorted(arguments.items())), frozenset(contexts))


@lru_cache(maxsize=_KEPT)
def _labels_of(
    text: str, platform: Platform, arguments: tuple[tuple[str, str], ...], contexts: frozenset[str]
) -> Mapping[str, Label]:
    given = dict(arguments)
    uses = find_bases(text, platform, given, contexts)
    environment = _Environment(text, platform, given, from_nothing=uses.from_nothing)
    out: dict[str, Label] = {}
    for instruction in _instructions(text, uses):
        if instruction.keyword == "ARG":
            environment.take_argument(instruction)
        elif instruction.keyword == "ENV":
            environment.take(instruction)
        elif instruction.keyword == "LABEL":
            for key, value in environment.pairs(instruction):
                out.pop(key, None)
                out[key] = Label(value, instruction.line)
    return MappingProxyType(out)


def _instructions(text: str, uses: Uses) -> Iterator[Instruction]:
    """The instructions of the final image, stage after stage; a stage starts with those that ONBUILD of its base
    defers."""
    stages: list[list[Instruction]] = []
    for instruction in scanned(text).instructions:
        if instruction.keyword == "FROM":
            stages.append([])
        elif stages:
            stages[-1].append(instruction)
    below: list[Instruction] = []
    for number in uses.chain:
        yield from (instruction.later for instruction in below if instruction.later)
        below = stages[number] if number not in uses.skipped else []
        yield from below


class _Open(dict[str, str | None]):
    """Variables where a base may have set others: a missing one is unknown."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> None:
        return None


class _Every:
    def __contains__(self, name: object) -> bool:
        return True


class _Environment:
    """The variables at a position of the final image's stages; None is a value known only to the build."""

    def __init__(
        self, text: str, platform: Platform, arguments: Mapping[str, str], *, from_nothing: bool
    ) -> None:
        self._escape = scanned(text).escape
        self._arguments = arguments
        self._globals = global_variables(text, platform, arguments)
        self._values: dict[str, str | None] = {"PATH": None} if from_nothing else _Open()
        self._declared = _Every()
        self._growth = ExpansionSize()

    def take_argument(self, instruction: Instruction) -> None:
        """Add the variables of an ARG."""
        for word in (*instruction.flags, *instruction.words):
            name, equals, default = word.text.partition("=")
            if name in _GIVEN_BY_THE_BUILD:
                self._values[name] = None
            elif name in self._arguments:
                self._values[name] = self._arguments[name]
            elif equals:
                self._values[name] = self._expand(default)
            elif name in self._globals:
                self._values[name] = self._globals[name]

    def take(self, instruction: Instruction) -> None:
        """Add the variables of an ENV."""
        self._values.update(list(self.pairs(instruction)))

    def pairs(self, instruction: Instruction) -> Iterator[tuple[str, str | None]]:
        """The names and values of ENV or LABEL; an unknown name is left out."""
        for written, value in name_values(instruction.rest, self._escape):
            name = self._expand(written)
            if name:
                yield name, self._expand(value)

    def _expand(self, text: str) -> str | None:
        try:
            return expand(text, self._values, self._escape, self._declared, self._growth)
        except ValueError:
            return None


def name_values(rest: str, escape: str) -> list[tuple[str, str]]:
    """The arguments of ENV or LABEL as pairs, with quotes and variables as written."""
    words = words_of(rest, escape)
    if words and "=" not in words[0]:  # the old form: everything after the name is one value
        name, *value = _SPACE.split(rest.strip(), maxsplit=1)
        return [(name, value[0])] if value else []
    pairs = (word.partition("=") for word in words)
    return [(name, value) for name, equals, value in pairs if equals]
