"""Substitutions by pattern, with the syntax of BuildKit's shell words: `${A#p}`, `${A##p}`, `${A%p}`, `${A%%p}`,
`${A/p/r}`, `${A//p/r}`; `*` and `?` match any text and any character (frontend/dockerfile/shell)."""

from __future__ import annotations

import re


def pattern_of(pattern: str, *, greedy: bool) -> re.Pattern[str]:
    """A regular expression equivalent to a pattern. Raises ValueError for an invalid escape."""
    out: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            out.append(".*" if greedy else ".*?")
        elif character == "?":
            out.append(".")
        elif character == "\\":
            if pattern[at : at + 1] in ("}", "/"):
                continue
            if pattern[at : at + 1] not in ("*", "?", "\\"):
                raise ValueError(f"the pattern {pattern} has an escape that means nothing")
            out.append(re.escape(pattern[at]))
            at += 1
        else:
            out.append(re.escape(character))
    return re.compile("".join(out))


def without_prefix(value: str, pattern: str) -> str:
    """`${A#pattern}`; with a second # the longest match."""
    greedy = pattern.startswith("#")
    match = pattern_of(pattern.removeprefix("#"), greedy=greedy).match(value)
    return value[match.end() :] if match else value


def without_suffix(value: str, pattern: str) -> str:
    """`${A%pattern}`, likewise; found as the shortest prefix of the reversed text."""
    greedy = pattern.startswith("%")
    turned = "".join(re.findall(r"\\.|.", pattern.removeprefix("%"), re.DOTALL)[::-1])
    match = pattern_of(turned, greedy=greedy).match(value[::-1])
    return value[: len(value) - match.end()] if match else value


def replaced(value: str, pattern: str, new: str, *, every: bool) -> str:
    """`${A/pattern/new}`, or with `every` `${A//pattern/new}`."""
    return pattern_of(pattern, greedy=True).sub(lambda _: new, value, count=0 if every else 1)
