"""A command line up to the cursor, as words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.util.dataclass import dataclass

_REDIRECTION = re.compile(r"(?:[0-9]*|&)(?:>>?\|?|<>?)&?\Z")


@dataclass(frozen=True, slots=True)
class Line:
    """The words before the one to complete, without the program's name, and this word as far as the cursor.

    `kept` is the part of the word that the shell leaves: bash replaces what follows the last of `=`, `:` and `@`. With
    `prefix_only` the answer compares candidates with the word, for bash; other shells do so by the user's rules.
    """

    before: tuple[str, ...]
    word: str
    kept: str = ""
    prefix_only: bool = False
    redirected: bool = False

    @classmethod
    def of_words(cls, words: Sequence[str]) -> Line:
        """Of the words up to the cursor."""
        *before, word = words or [""]
        return cls(tuple(before), word)


def of_bash(replaced: str, text: str) -> Line:
    """Of bash's COMP_LINE up to the cursor; `replaced` is what readline replaces, the function's second argument."""
    _, *words = split(text)
    *before, word = words or [""]
    plain = replaced.lstrip("\"'").replace("\\", "")
    kept = word.removesuffix(plain) if plain else word
    redirected = bool(before) and _REDIRECTION.match(before[-1]) is not None
    return Line(tuple(before), word, "" if kept == word and plain else kept, True, redirected)


def split(text: str) -> list[str]:
    """The words of a line of a shell, unquoted; the last one is what the cursor is at, empty after a blank.

    Nothing is expanded: a variable is its name. Quotes need no end.
    """
    words = [""]
    quote, escaped, begun = "", False, False
    for character in text:
        if escaped:
            words[-1] += character
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = begun = True
        elif quote:
            if character == quote:
                quote = ""
            else:
                words[-1] += character
        elif character in "\"'":
            quote, begun = character, True
        elif character.isspace():
            if words[-1] or begun:
                words.append("")
            begun = False
        else:
            words[-1] += character
    return words
