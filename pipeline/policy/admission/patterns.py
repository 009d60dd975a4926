"""Patterns and regular expressions of the rules, as the engines of clusters read them.

They match with RE2 or globs of their own; each function gives what accepts the same texts, or refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from itertools import product

from pipeline.errors import UsageError

_SPECIAL = frozenset(r"\.+*?()|[]{}^$")
_WILDCARD = re.compile(r"\*\*/?|\*")
# What Python's regular expressions have and RE2 lacks or reads otherwise.
_NOT_PORTABLE = re.compile(r"\(\?(?!:)|\\(?:[A-Za-z0-9](?<![dws]))|[*+?}]\+|\{,|\[:|\{\d{4,}|\{\d*,\d{4,}")


def quoted(text: str) -> str:
    """A text as CEL and CUE write it."""
    return json.dumps(text, ensure_ascii=False)


def re2(patterns: Iterable[str]) -> str:
    """The regular expression (RE2) of texts that match one of some patterns."""
    return f"(?s)^(?:{alternatives(patterns)})$"


def alternatives(patterns: Iterable[str], escape: Callable[[str], str] | None = None) -> str:
    """The same without anchors, for a place inside parentheses."""
    return "|".join(_expression(pattern, escape or _escaped) for pattern in patterns)


def bracketed(character: str) -> str:
    """A character as a regular expression without a backslash. Raises UsageError for those that have none."""
    if character in "\\^{}'`":
        raise UsageError(f"{character} in a pattern cannot be written for a ClusterPolicy")
    return f"[{character}]" if character in _SPECIAL else character


def portable(regexp: str) -> str:
    """An anchored regular expression of the rules, if clusters read it as we do. Raises UsageError for others."""
    unsupported = _NOT_PORTABLE.search(regexp)
    if unsupported:
        raise UsageError(
            f"the regular expression {regexp} uses {unsupported[0]}, which clusters read differently or not at all",
            hint="write it with groups (?:…), classes, repetition and \\d \\w \\s alone",
        )
    return regexp


def without_folders(pattern: str) -> tuple[str, ...]:
    """Patterns that match together what one matches, with each `**` as any text: `a/**/b` is `a/b` too."""
    pieces: list[tuple[str, ...]] = []
    end = 0
    for match in _WILDCARD.finditer(pattern):
        pieces.append((pattern[end : match.start()],))
        end = match.end()
        if match[0] == "*":
            pieces.append(("*",))
        else:
            pieces.append(("**",) if end == len(pattern) else ("", "**/"))
    pieces.append((pattern[end:],))
    return tuple(dict.fromkeys("".join(parts) for parts in product(*pieces)))


def _expression(pattern: str, escape: Callable[[str], str]) -> str:
    parts: list[str] = []
    end = 0
    for match in _WILDCARD.finditer(pattern):
        parts += map(escape, pattern[end : match.start()])
        end = match.end()
        if match[0] == "*":
            parts.append("[^/]*")
        else:
            parts.append(".*" if end == len(pattern) else "(?:.*/)?")
    return "".join([*parts, *map(escape, pattern[end:])])


def _escaped(character: str) -> str:
    return f"\\{character}" if character in _SPECIAL else character
