"""Automatic aliases: every prefix of a version points to the highest version that starts with it. Pure.

For the tags 9.0.100, 9.0.200, 9.1.50 they are 9 → 9.1.50, 9.0 → 9.0.200, 9.1 → 9.1.50. An alias never
replaces a real tag and never points to a prerelease. Versions are ordered by number, as
Semantic Versioning 2.0.0 §11 says for those without a prerelease.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pipeline.config import Strategy
from pipeline.util.dataclass import dataclass

_NUMBER = r"(?:0|[1-9][0-9]*)"
_SEMVER = re.compile(rf"(v?)({_NUMBER})\.({_NUMBER})\.({_NUMBER})")
_NUMERIC = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})+")
_CALVER = re.compile(r"(?:[0-9]{4}|[0-9]{2})([.-])(?:0?[1-9]|1[0-2])(?:\1[0-9]{1,9})*")
_SEPARATOR = re.compile(r"([.-])")


@dataclass(frozen=True, slots=True)
class Version:
    """A tag that gets automatic aliases: its sort key, and the prefixes that may point to it."""

    tag: str
    order: tuple[tuple[int, str], ...]
    prefixes: tuple[str, ...]


def read_version(tag: str, strategy: Strategy) -> Version | None:
    """Parse a tag by a strategy; None if it gets no automatic aliases (a prerelease, another format).

    - `semver`: X.Y.Z, also vX.Y.Z (then v9, v9.0); no prereleases
    - `numeric`: two or more numbers between dots
    - `calver`: year and month, then more numbers, between dots or dashes; anything after them is a prerelease
    - `lexical`: parts between dots and dashes, ordered as text; has no prereleases
    - `explicit`: none; only the `aliases` that tags list
    """
    if strategy == "semver":
        match = _SEMVER.fullmatch(tag)
        if not match:
            return None
        v, major, minor, patch = match.groups()
        return Version(tag, _numbers((major, minor, patch)), (f"{v}{major}", f"{v}{major}.{minor}"))
    if strategy == "numeric" and _NUMERIC.fullmatch(tag):
        return Version(tag, _numbers(tag.split(".")), _prefixes(tag))
    if strategy == "calver" and (match := _CALVER.fullmatch(tag)):
        return Version(tag, _numbers(tag.split(match[1])), _prefixes(tag))
    if strategy == "lexical":
        parts = _SEPARATOR.split(tag)[::2]
        return Version(tag, tuple((0, p) for p in parts), _prefixes(tag))
    return None


def automatic_aliases(tags: Iterable[str], strategy: Strategy = "semver") -> Mapping[str, str]:
    """Every automatic alias and its tag, sorted by alias.

    `tags` are base tags, without a variant's suffix.
    """
    names = dict.fromkeys(tags)
    best: dict[str, Version] = {}
    for tag in names:
        version = read_version(tag, strategy)
        if version is None:
            continue
        for prefix in version.prefixes:
            if prefix in names or not prefix:
                continue
            held = best.get(prefix)
            if held is None or (version.order, version.tag) > (held.order, held.tag):
                best[prefix] = version
    return {alias: best[alias].tag for alias in sorted(best)}


def _numbers(parts: Iterable[str]) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") for part in parts)


def _prefixes(tag: str) -> tuple[str, ...]:
    parts = _SEPARATOR.split(tag)
    return tuple("".join(parts[:end]) for end in range(1, len(parts), 2))
