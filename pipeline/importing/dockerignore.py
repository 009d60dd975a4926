"""Match paths by pattern: .dockerignore like moby's patternmatcher, and the wildcards of COPY (Go's path.Match)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_WILD = frozenset("*?[\\")


@dataclass(frozen=True, slots=True)
class DockerIgnore:
    """The patterns of a .dockerignore in order: the last one that matches a path, or a folder above it, wins."""

    patterns: tuple[tuple[bool, re.Pattern[str]], ...] = ()

    @classmethod
    def parse(cls, text: str) -> DockerIgnore:
        """Parse a .dockerignore. Raises ValueError for an invalid pattern."""
        out = []
        for line in text.removeprefix("\ufeff").splitlines():
            pattern = line.strip()
            if not pattern or line.startswith("#"):
                continue
            keep = pattern.startswith("!")
            if keep:
                pattern = pattern[1:].strip()
            pattern = posixpath.normpath(pattern)
            pattern = pattern.lstrip("/") if len(pattern) > 1 else pattern
            if pattern and pattern != ".":
                out.append((keep, compile_pattern(pattern, deep=True)))
        return cls(tuple(out))

    def ignores(self, path: str) -> bool:
        """Whether a path below the context is excluded."""
        ignored = False
        for keep, pattern in self.patterns:
            if keep == ignored and any(pattern.fullmatch(p) for p in (path, *above(path))):
                ignored = not keep
        return ignored


def above(path: str) -> Iterator[str]:
    """The parent folders of a path, nearest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def is_wild(pattern: str) -> bool:
    """Whether a pattern contains wildcards."""
    return bool(_WILD.intersection(pattern))


def matched(paths: Iterable[str], patterns: Iterable[str]) -> set[str]:
    """The paths that sources of COPY select, directly or by a parent folder. `.` selects all of them."""
    compiled = [compile_pattern(p, deep=False) for p in patterns if p != "."]
    everything = any(p == "." for p in patterns)
    return {p for p in paths if everything or any(c.fullmatch(q) for c in compiled for q in (p, *above(p)))}


def compile_pattern(pattern: str, *, deep: bool) -> re.Pattern[str]:
    """A pattern for whole paths; `**` matches any number of folders if `deep`. Raises ValueError."""
    out, at = [], 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*" and deep and pattern[at : at + 1] == "*":
            at += 1
            if pattern[at : at + 1] == "/":
                at += 1
            out.append("(?:.*/)?" if at < len(pattern) else ".*")
        elif character == "*":
            out.append("[^/]*")
        elif character == "?":
            out.append("[^/]")
        elif character == "[":
            piece, at = _class(pattern, at)
            out.append(piece)
        elif character == "\\":
            if at == len(pattern):
                raise ValueError(f"{pattern!r} ends in a backslash")
            out.append(re.escape(pattern[at]))
            at += 1
        else:
            out.append(re.escape(character))
    return re.compile("".join(out), re.DOTALL)


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
