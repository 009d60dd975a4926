"""Variables in FROM, with the syntax of BuildKit's shell words (frontend/dockerfile/shell).

`$A`, `${A}`, `${A:-b}`, `${A-b}`, `${A:+b}`, `${A+b}`, `${A:?b}`, `${A?b}`, substitutions by pattern, quotes and
backslashes. Undeclared variables are refused: the image in FROM must be known before the build.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

from .limits import MAX_EXPANDED, MAX_NESTED
from .patterns import cost, replaced, without_prefix, without_suffix

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?\-$!]")
_OPERATOR = re.compile(r":?[-+?]|[#%]|//?")


class Unresolved(ValueError):
    """A word in FROM that cannot be resolved before the build."""


def expand(
    text: str,
    values: Mapping[str, str | None],
    escape: str = "\\",
    declared: Container[str] = (),
    growth: ExpansionSize | None = None,
) -> str:
    """The word with variables replaced and quotes removed; `escape` is the Dockerfile's escape character. A
    variable with the value None is set, but to an unknown value; a `declared` variable without a value is empty.
    Raises `Unresolved`, and `TooLong` beyond the limits of the Dockerfile whose `growth` is given."""
    if not any(character in text for character in ("$", '"', "'", escape)):
        return text
    reader = _Reader(text, values, escape, declared)
    reader.growth = growth or reader.growth
    out = reader.until(None)
    if reader.unknown is not None:
        raise Unresolved(reader.unknown)
    return out


class TooLong(Unresolved):
    """The substitutions of a Dockerfile are beyond a limit."""


class ExpansionSize:
    """The characters that substitutions of one Dockerfile have made."""

    __slots__ = ("_size",)

    def __init__(self) -> None:
        self._size = 0

    def add(self, size: int) -> None:
        """Count characters. Raises `TooLong`."""
        self._size += size
        if self._size > MAX_EXPANDED:
            raise TooLong(f"substitutions make more than {MAX_EXPANDED} characters")


class _Reader:
    def __init__(
        self, text: str, values: Mapping[str, str | None], escape: str, declared: Container[str]
    ) -> None:
        self.text, self.values, self.escape, self.declared = text, values, escape, declared
        self.growth = ExpansionSize()
        self.at = self.depth = 0
        self.unknown: str | None = None

    def until(self, stop: str | None, *, raw: bool = False) -> str:
        """The text up to an unquoted `stop` (which is consumed), or to the end; `raw` keeps escapes."""
        out: list[str] = []
        while self.at < len(self.text):
            character = self.text[self.at]
            self.at += 1
            if character == stop:
                return "".join(out)
            if character == "'":
                out.append(self._single())
            elif character == '"':
                out.append(self._double())
            elif character == "$":
                out.append(self._dollar())
            elif character == self.escape:
                out.append((character if raw else "") + self.text[self.at : self.at + 1])
                self.at += 1
            else:
                out.append(character)
        if stop is not None:
            raise Unresolved(f"{self.text[:80]}: {stop} is missing")
        return "".join(out)

    def _single(self) -> str:
        end = self.text.find("'", self.at)
        if end < 0:
            raise Unresolved(f"{self.text[:80]}: a quote is not closed")
        out, self.at = self.text[self.at : end], end + 1
        return out

    def _double(self) -> str:
        out: list[str] = []
        while self.at < len(self.text):
            character = self.text[self.at]
            self.at += 1
            if character == '"':
                return "".join(out)
            if character == "$":
                out.append(self._dollar())
            elif character == self.escape and self.text[self.at : self.at + 1] in ('"', "$", self.escape):
                out.append(self.text[self.at : self.at + 1])
                self.at += 1
            else:
                out.append(character)
        raise Unresolved(f"{self.text[:80]}: a quote is not closed")

    def _dollar(self) -> str:
        if self.text[self.at : self.at + 1] != "{":
            name = self._name()
            out = self._value(name) if name else "$"
            self.growth.add(len(out))
            return out
        self.depth += 1
        if self.depth > MAX_NESTED:
            raise TooLong(f"substitutions are more than {MAX_NESTED} levels deep")
        try:
            out = self._braces()
            self.growth.add(len(out))
            return out
        finally:
            self.depth -= 1

    def _braces(self) -> str:
        self.at += 1
        name = self._name()
        operator = _OPERATOR.match(self.text, self.at)
        if operator and name:
            self.at = operator.end()
            if operator[0][0] in "#%/":
                return self._by_pattern(name, operator[0])
            return self._substitute(name, operator[0])
        if not name or self.text[self.at : self.at + 1] != "}":
            raise Unresolved(f"{self.text[:80]} holds a substitution that is not known before the build")
        self.at += 1
        return self._value(name)

    def _substitute(self, name: str, operator: str) -> str:
        before = self.unknown
        word = self.until("}")
        if name in self.values and self.values[name] is None:
            return self._value(name)
        value = self.values.get(name)
        is_set = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("?"):
            if not is_set:
                raise Unresolved(f"${name}: {word or 'it has no value'}")
            self.unknown = before
            return value or ""
        use_word = is_set if operator.endswith("+") else not is_set
        if not use_word:
            self.unknown = before  # an unused value need not be known
            return "" if operator.endswith("+") else value or ""
        return word

    def _by_pattern(self, name: str, operator: str) -> str:
        before = self.unknown
        pattern = self.until("/" if operator.startswith("/") else "}", raw=True)
        new = self.until("}", raw=True) if operator.startswith("/") else ""
        value = self._value(name)
        if self.unknown != before or self.unknown is not None:
            return ""
        self.growth.add(cost(value, pattern, new))
        try:
            if operator == "#":
                return without_prefix(value, pattern)
            if operator == "%":
                return without_suffix(value, pattern)
            return replaced(value, pattern, new, every=operator == "//")
        except ValueError as error:
            raise Unresolved(f"{self.text[:80]}: {error}") from None

    def _name(self) -> str:
        match = _NAME.match(self.text, self.at)
        if not match:
            return ""
        self.at = match.end()
        return match[0]

    def _value(self, name: str) -> str:
        value = self.values.get(name)
        if value is None and (name in self.values or name not in self.declared):
            kind = _UNKNOWN if name in self.values else _NOT_DECLARED
            self.unknown = self.unknown or f"${name} {kind}"
        return value or ""


_UNKNOWN = "is not known before the build"
_NOT_DECLARED = "has no ARG before the first FROM"
