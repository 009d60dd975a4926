"""The part of HCL that bake files of constants use (hashicorp/hcl, hclsyntax/spec.md): blocks, strings, lists, objects.

Strings keep their `${…}`. A variable alone is `${NAME}`; any other expression is `${` with its text, which nobody can
evaluate here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pipeline.util.dataclass import dataclass

_SPACE = re.compile(r"(?:[ \t\r]+|/\*.*?\*/)*", re.DOTALL)
_EMPTY = re.compile(r"(?:[\s]+|(?:#|//)[^\n]*|/\*.*?\*/)*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?|[A-Za-z_][\w-]*")
_STRING = re.compile(r'"(?:[^"\\$\n]|\\.|\$(?!\{)|\$\{[^"{}\n]*\})*"')
_HEREDOC = re.compile(r"<<(-?)([A-Za-z_]\w*)\r?\n")
_DEEPEST = 32
_END = frozenset("\n,]}#")
_CONSTANTS: Mapping[str, Any] = MappingProxyType({"true": "true", "false": "false", "null": None})


class HclError(Exception):
    """A text that is not read, with its line."""

    def __init__(self, text: str, at: int, message: str) -> None:
        super().__init__(message)
        self.line = text.count("\n", 0, at) + 1


@dataclass(frozen=True, slots=True)
class Block:
    """A block: its type, its labels, its line, its attributes and the blocks in it."""

    type: str
    labels: tuple[str, ...]
    line: int
    attributes: Mapping[str, Any]
    blocks: tuple[Block, ...]


def read_hcl(text: str) -> Block:
    """The file as a block without a type. Raises HclError."""
    return _Reader(text).body("", (), 0)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def body(self, type: str, labels: tuple[str, ...], start: int) -> Block:
        """Attributes and blocks up to the closing brace, or the end of the file."""
        line = self.text.count("\n", 0, start) + 1
        attributes: dict[str, Any] = {}
        blocks: list[Block] = []
        self._deeper()
        while True:
            self._skip(_EMPTY)
            if self.at >= len(self.text) or self.text[self.at] == "}":
                if (self.at < len(self.text)) != bool(type):
                    raise self._error("a brace is missing, or one too many")
                self.at += 1
                self.depth -= 1
                return Block(type, labels, line, attributes, tuple(blocks))
            begun, name = self.at, self._take(_WORD, "a name is expected")
            self._skip(_SPACE)
            if self._next("="):
                attributes[name] = self._value()
            else:
                blocks.append(self._block(name, begun))

    def _block(self, name: str, begun: int) -> Block:
        labels = []
        while not self._next("{"):
            if self.text.startswith('"', self.at):
                labels.append(self._string())
            else:
                labels.append(self._take(_WORD, "a block or = is expected"))
            self._skip(_SPACE)
        return self.body(name, tuple(labels), begun)

    def _value(self) -> Any:
        """The value of an expression; its text as `${…}` if it is none of those that are read."""
        self._skip(_SPACE)
        begun, depth = self.at, self.depth
        try:
            value = self._literal()
            self._skip(_SPACE)
            if self.at >= len(self.text) or self.text[self.at] in _END or self.text.startswith("//", self.at):
                return value
        except HclError:
            if self.depth > _DEEPEST:
                raise
        self.at, self.depth = begun, depth
        return self._unread()

    def _literal(self) -> Any:
        heredoc = _HEREDOC.match(self.text, self.at)
        if heredoc:
            return self._heredoc(heredoc)
        character = self.text[self.at : self.at + 1]
        if character == '"':
            return self._string()
        if character == "[":
            return self._list()
        if character == "{":
            return self._object()
        word = self._take(_PLAIN, "a value is expected")
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        return word if word[0] in "-0123456789" else f"${{{word}}}"

    def _string(self) -> str:
        text = self._take(_STRING, "a string is expected")
        try:
            return str(json.loads(text))
        except ValueError:
            raise self._error("a string with an escape that is not read") from None

    def _heredoc(self, match: re.Match[str]) -> str:
        lines: list[str] = []
        self.at = match.end()
        while self.at < len(self.text):
            end = self.text.find("\n", self.at)
            end = len(self.text) if end < 0 else end
            line = self.text[self.at : end]
            if line.strip() == match[2]:
                self.at = end
                return "".join(f"{line}\n" for line in _outdented(lines, bool(match[1])))
            lines.append(line)
            self.at = end + 1
        raise self._error("a heredoc has no end")

    def _list(self) -> list[Any]:
        self._deeper()
        items: list[Any] = []
        self._next("[")
        self._skip(_EMPTY)
        if re.compile(r"for\b").match(self.text, self.at):
            raise self._error("for is not read")
        while not self._next("]"):
            items.append(self._value())
            self._skip(_EMPTY)
            if not self._next(",") and not self.text.startswith("]", self.at):
                raise self._error("a list is not closed")
            self._skip(_EMPTY)
        self.depth -= 1
        return items

    def _object(self) -> dict[str, Any]:
        self._deeper()
        items: dict[str, Any] = {}
        self._next("{")
        self._skip(_EMPTY)
        while not self._next("}"):
            name = (
                self._string()
                if self.text.startswith('"', self.at)
                else self._take(_WORD, "a key is expected")
            )
            self._skip(_SPACE)
            if not self._next("=") and not self._next(":"):
                raise self._error("= is expected")
            items[name] = self._value()
            self._skip(_SPACE)
            self._next(",")
            self._skip(_EMPTY)
        self.depth -= 1
        return items

    def _unread(self) -> str:
        """The text of an expression, up to where it ends."""
        begun, open_brackets = self.at, 0
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == '"':
                self.at = _string_end(self.text, self.at)
                continue
            if not open_brackets and character in _END:
                break
            open_brackets += (character in "([{") - (character in ")]}")
            self.at += 1
        return f"${{ {self.text[begun : self.at].strip()[:200]} }}"

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._error(f"more than {_DEEPEST} levels deep")

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _next(self, text: str) -> bool:
        matches = self.text.startswith(text, self.at)
        self.at += len(text) * matches
        return matches

    def _take(self, pattern: re.Pattern[str], message: str) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise self._error(message)
        self.at = match.end()
        return match[0]

    def _error(self, message: str) -> HclError:
        return HclError(self.text, self.at, message)


def _string_end(text: str, at: int) -> int:
    """The offset after a string, through the expressions in it."""
    inside = ['"']  # of a string, or of the braces of an expression
    at += 1
    while inside and at < len(text):
        character = text[at]
        if inside[-1] == '"':
            if character == "\\":
                at += 1
            elif character == '"':
                inside.pop()
            elif text.startswith("${", at):
                inside.append("{")
                at += 1
        elif character in '"{':
            inside.append(character)
        elif character == "}":
            inside.pop()
        at += 1
    return at


def _outdented(lines: list[str], wanted: bool) -> list[str]:
    if not wanted:
        return lines
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    return [line[min(indents, default=0) :] for line in lines]
