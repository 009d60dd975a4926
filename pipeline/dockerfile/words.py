"""Words of an instruction with their positions in the text, and the flags before them, read as BuildKit's parser does
(frontend/dockerfile/parser/split_command.go)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from pipeline.util.dataclass import dataclass

_PLAIN_FLAGS = re.compile(r"(?:\s+|--[^\s\"'\\`]+(?=\s|$))*")
_PLAIN_FLAG = re.compile(r"\S+")
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of an instruction and its position in the text (`text[start:end]`). A flag is `plain` if it is
    written without quotes and escapes."""

    text: str
    start: int
    end: int
    plain: bool = True


class Logical:
    """A line with its continuations joined, each piece with its offset in the whole text."""

    __slots__ = ("_offsets", "_start", "_starts", "text")

    def __init__(self, pieces: Sequence[tuple[str, int]]) -> None:
        self.text, self._start = pieces[0]
        self._starts: list[int] = []
        if len(pieces) > 1:
            self.text = "".join(text for text, _ in pieces)
            self._starts = [start for _, start in pieces]
            self._offsets = list(accumulate((len(text) for text, _ in pieces[:-1]), initial=0))

    def place(self, position: int) -> int:
        """The offset in the whole text."""
        if not self._starts:
            return self._start + position
        piece = bisect_right(self._offsets, position) - 1
        return self._starts[piece] + position - self._offsets[piece]

    def word(self, match: re.Match[str]) -> Word:
        """The match as a word; it may span a continuation."""
        return self.between(match[0], match.start(), match.end())

    def between(self, text: str, start: int, end: int, plain: bool = True) -> Word:
        """The word between two offsets of the line."""
        return Word(text, self.place(start), self.place(end - 1) + 1, plain)


def unquoted(word: str) -> str:
    """A word without its quotes, which may be around parts of it; one with an open quote as it is."""
    return _QUOTED.sub(lambda match: match[0][1:-1], word)


def read_flags(line: Logical, at: int, escape: str) -> tuple[tuple[Word, ...], int]:
    """The `--…` words from an offset, without quotes and escapes, and the offset after them. `--` ends them."""
    text = line.text
    end = _plain_end(text, at)
    flags = [line.word(match) for match in _PLAIN_FLAG.finditer(text, at, end)]
    at = end
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if text[at : at + 2] != "--":
            break
        start = at
        word, at = _flag(text, at, escape)
        if word == "--":
            break
        if word:
            flags.append(line.between(word, start, at, word == text[start:at]))
    return tuple(flags), at


def _plain_end(text: str, at: int) -> int:
    match = _PLAIN_FLAGS.match(text, at)
    return match.end() if match else at


def _flag(text: str, at: int, escape: str) -> tuple[str, int]:
    """One flag from an offset, and the offset after it."""
    out: list[str] = []
    quote = ""
    while at < len(text):
        character = text[at]
        if quote and character == quote:
            quote = ""
        elif not quote and character.isspace():
            break
        elif not quote and character in "\"'":
            quote = character
        elif character == escape:
            at += 1
            out.append(text[at : at + 1])
        else:
            out.append(character)
        at += 1
    return "".join(out), min(at, len(text))


def words_of(rest: str, escape: str) -> list[str]:
    """The words of ENV, LABEL and ARG, with quotes and escapes as written."""
    if not any(character in rest for character in ("'", '"', escape)):
        return rest.split()
    out: list[str] = []
    word: list[str] = []
    quote, at = "", 0
    while at < len(rest):
        character = rest[at]
        if not quote and character.isspace():
            if word:
                out.append("".join(word))
            word = []
        elif character == escape and quote != "'":
            if at + 1 < len(rest):  # one at the very end is ignored
                word.append(rest[at : at + 2])
            at += 1
        else:
            if character == quote:
                quote = ""
            elif not quote and character in "\"'":
                quote = character
            word.append(character)
        at += 1
    if word:
        out.append("".join(word))
    return out
