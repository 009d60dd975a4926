"""Patterns for whole paths, matched in time that grows with pattern and path alone, however many wildcards there are.

All ways to match are followed at once: bit `n` of a number says that the tokens before the n-th have matched so far.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field

from pipeline.util.dataclass import dataclass

_NO_WILDCARD = re.compile(r"[?\[\\]")


@dataclass(slots=True)
class _Tokens:
    """What a pattern is made of: one character each, or a wildcard. A mask has a bit for each token of its kind."""

    characters: list[Callable[[str], bool] | None] = field(default_factory=list)
    name: int = 0  # any text without a slash
    anything: int = 0  # any text
    folders: int = 0  # any folders, or none
    in_folders: int = 0  # the rest of them, which ends with a slash

    def character(self, matches: Callable[[str], bool]) -> None:
        self.characters.append(matches)

    def wildcard(self, kind: str) -> None:
        bit = 1 << len(self.characters)
        if kind == "folders":
            self.folders |= bit
            self.in_folders |= bit << 1
            self.characters.append(None)
        else:
            setattr(self, kind, getattr(self, kind) | bit)
        self.characters.append(None)


class PathPattern:
    """A compiled pattern; `compile_pattern` makes it."""

    def __init__(self, tokens: _Tokens) -> None:
        self._tokens = tokens
        self._end = 1 << len(tokens.characters)
        self._optional = tokens.name | tokens.anything
        self._known: dict[str, int] = {}

    def fullmatch(self, path: str) -> bool:
        """Whether all of a path matches."""
        tokens, state = self._tokens, self._skipped(1)
        for character in path:
            after = (state & self._matching(character)) << 1 | state & (tokens.anything | tokens.in_folders)
            if character == "/":
                after |= (state & tokens.in_folders) << 1
            else:
                after |= state & tokens.name
            state = self._skipped(after)
            if not state:
                return False
        return bool(state & self._end)

    def _skipped(self, state: int) -> int:
        """The state with all wildcards that may be empty."""
        folders = self._tokens.folders
        while True:
            wider = state | (state & self._optional) << 1 | (state & folders) << 1 | (state & folders) << 2
            if wider == state:
                return state
            state = wider

    def _matching(self, character: str) -> int:
        """The tokens that match a character."""
        if character not in self._known:
            matches = self._tokens.characters
            self._known[character] = sum(
                1 << n for n, match in enumerate(matches) if match and match(character)
            )
        return self._known[character]


def compile_pattern(pattern: str, *, deep: bool) -> PathPattern:
    """A pattern for whole paths; `**` matches any number of folders if `deep`. Raises ValueError."""
    tokens, at = _Tokens(), 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*" and deep and pattern[at : at + 1] == "*":
            at += 1
            if pattern[at : at + 1] == "/":
                at += 1
            tokens.wildcard("folders" if at < len(pattern) else "anything")
        elif character == "*":
            tokens.wildcard("name")
        elif character == "?":
            tokens.character(lambda c: c != "/")
        elif character == "[":
            piece, at = _class(pattern, at)
            tokens.character(_matcher(piece))
        elif character == "\\":
            if at == len(pattern):
                raise ValueError(f"{pattern!r} ends in a backslash")
            tokens.character(pattern[at].__eq__)
            at += 1
        else:
            tokens.character(character.__eq__)
    return PathPattern(tokens)


def ending_pattern(ending: str) -> PathPattern:
    """A pattern for any text that ends in this one, whose characters stand for themselves."""
    tokens = _Tokens()
    tokens.wildcard("anything")
    for character in ending:
        tokens.character(character.__eq__)
    return PathPattern(tokens)


def wildcard_pattern(pattern: str) -> PathPattern:
    """A pattern in which `*` stands for text without a slash and `**` for any, and every other character for itself."""
    return compile_pattern(_NO_WILDCARD.sub(r"\\\g<0>", pattern), deep=True)


def _matcher(piece: str) -> Callable[[str], bool]:
    compiled = re.compile(piece)
    return lambda character: compiled.fullmatch(character) is not None


def _class(pattern: str, at: int) -> tuple[str, int]:
    """`[a-z]` or `[^a-z]`, and the offset after it."""
    negated = pattern[at : at + 1] == "^"
    start = at = at + negated
    ranges = []
    while at < len(pattern) and (pattern[at] != "]" or at == start):
        low, at = _one(pattern, at)
        high = low
        if pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] != "]":
            high, at = _one(pattern, at + 1)
        if low > high:
            raise ValueError(f"{pattern!r} holds a range that is no range")
        ranges.append(re.escape(low) if low == high else f"{re.escape(low)}-{re.escape(high)}")
    if at >= len(pattern):
        raise ValueError(f"{pattern!r} holds a [ that is not closed")
    return f"[{'^/' if negated else ''}{''.join(ranges)}]", at + 1


def _one(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at : at + 1] == "\\":
        at += 1
    if at >= len(pattern):
        raise ValueError(f"{pattern!r} holds a [ that is not closed")
    return pattern[at], at + 1
