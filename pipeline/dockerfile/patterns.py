"""Substitutions by pattern, with the syntax of BuildKit's shell words: `${A#p}`, `${A##p}`, `${A%p}`, `${A%%p}`,
`${A/p/r}`, `${A//p/r}`; `*` and `?` match any text and any character (frontend/dockerfile/shell)."""

from __future__ import annotations

import re


def pattern_of(pattern: str, *, greedy: bool) -> re.Pattern[str]:
    """A regular expression equivalent to a pattern. Raises ValueError for an invalid escape."""
    out: list[str] = [""]  # the texts between the stars
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            out.append("")
        elif character == "?":
            out[-1] += "."
        elif character == "\\":
            if pattern[at : at + 1] in ("}", "/"):
                continue
            if pattern[at : at + 1] not in ("*", "?", "\\"):
                raise ValueError(f"the pattern {pattern} has an escape that means nothing")
            out[-1] += re.escape(pattern[at])
            at += 1
        else:
            out[-1] += re.escape(character)
    first, *rest = out
    if not rest:
        return re.compile(first)
    # the first place of each text leaves most for those after it: only the last star may try several
    middle = "".join(f"(?>.*?{text})" for text in rest[:-1] if text)
    return re.compile(f"{first}{middle}{'.*' if greedy else '.*?'}{rest[-1]}")


def cost(value: str, pattern: str, new: str) -> int:
    """The characters that a substitution may make or look at, in the order of a copy."""
    tried = len(value) * len(value) // 16 if "*" in pattern else len(value)
    return tried + len(pattern) + (len(value) + 1) * len(new)


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
