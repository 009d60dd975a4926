"""What a plain template is made of, and how it becomes a text (see `plain`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .limits import MAX_OUTPUT, MAX_STEPS

Path = tuple[str, ...]
OF_LOOP = ("first", "last", "index", "index0", "length")
_MISSING = object()


class NotPlain(Exception):
    """A template or a value that is for jinja2."""


class Rendering:
    """One rendering: the values in sight, what was written, and how often a loop turned."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self.scope = dict(context)
        self.out: list[str] = []
        self._turns, self._room = 0, MAX_OUTPUT

    def add(self, text: str) -> None:
        """Write a text. Raises `NotPlain` if that is more than a template may write."""
        self._room -= len(text)
        if self._room < 0:
            raise NotPlain
        self.out.append(text)

    def turn(self, count: int) -> None:
        """Count the turns of a loop. Raises `NotPlain`."""
        self._turns += count
        if self._turns > MAX_STEPS:
            raise NotPlain

    def look(self, path: Path, default: Any = None) -> Any:
        """A value by its path, `default` (if not None) where its last name is missing. Raises `NotPlain`."""
        value = self.scope[path[0]]
        for name in path[1:-1]:
            value = self._below(value, name, None)
        return self._below(value, path[-1], default) if len(path) > 1 else value

    @staticmethod
    def _below(value: Any, name: str, default: Any) -> Any:
        if not isinstance(value, dict):
            raise NotPlain
        found = value.get(name, _MISSING)
        if found is not _MISSING:
            return found
        if default is None:
            raise NotPlain
        return default


class Fragment(Protocol):
    """A piece of a template."""

    def write(self, rendering: Rendering) -> None:
        """Append what it gives. Raises `NotPlain`."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text as it stands in the template."""

    text: str

    def write(self, rendering: Rendering) -> None:
        """Append it."""
        rendering.add(self.text)


@dataclass(frozen=True, slots=True)
class Value:
    """`{{ path | filters }}`."""

    path: Path
    filters: tuple[tuple[str, str, str], ...] = ()
    default: str | None = None

    def write(self, rendering: Rendering) -> None:
        """Append the value, filtered."""
        value = rendering.look(self.path, self.default)
        for name, first, second in self.filters:
            if name == "join":
                if type(value) is not list:
                    raise NotPlain
                value = first.join(map(str, value))
            elif name == "replace":
                value = str(value).replace(first, second)
            else:
                value = str(value).upper() if name == "upper" else str(value).lower()
        rendering.add(str(value))


@dataclass(frozen=True, slots=True)
class Condition:
    """`path`, `not path`, `path == "text"`, `path != "text"`."""

    path: Path
    equal: str | None = None
    negated: bool = False

    def holds(self, rendering: Rendering) -> bool:
        """Whether it is so."""
        value = rendering.look(self.path)
        return bool(value if self.equal is None else value == self.equal) is not self.negated


@dataclass(frozen=True, slots=True)
class Defined:
    """`path is defined`, `path is not defined`."""

    path: Path
    negated: bool = False

    def holds(self, rendering: Rendering) -> bool:
        """Whether it is so."""
        return (rendering.look(self.path, _MISSING) is not _MISSING) is not self.negated


@dataclass(frozen=True, slots=True)
class Choice:
    """`{% if %}` with its branches; the condition of `{% else %}` is None."""

    branches: tuple[tuple[Condition | Defined | None, tuple[Fragment, ...]], ...]

    def write(self, rendering: Rendering) -> None:
        """Write the first branch whose condition holds."""
        for condition, fragments in self.branches:
            if condition is None or condition.holds(rendering):
                for fragment in fragments:
                    fragment.write(rendering)
                return


@dataclass(frozen=True, slots=True)
class Loop:
    """`{% for name in items %}`."""

    name: str
    items: Path
    fragments: tuple[Fragment, ...]

    def write(self, rendering: Rendering) -> None:
        """Write the inside once for each item."""
        items = rendering.look(self.items)
        if type(items) is not list:
            raise NotPlain
        rendering.turn(len(items))
        scope = rendering.scope
        for number, item in enumerate(items):
            turn = (number == 0, number == len(items) - 1, number + 1, number, len(items))
            loop = dict(zip(OF_LOOP, turn, strict=True))
            rendering.scope = {**scope, self.name: item, "loop": loop}
            for fragment in self.fragments:
                fragment.write(rendering)
        rendering.scope = scope
