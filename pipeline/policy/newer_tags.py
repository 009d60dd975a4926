"""Newer tags of the same kind: `12.5-slim` has `12.7-slim`, `bookworm-slim` has none. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"([0-9]+)")
_MUCH_LONGER = 3  # digits: `20261121` is a day and no later version than `12`


def newer_tags(tag: str, tags: Iterable[str]) -> tuple[str, ...]:
    """Those of the tags that differ from `tag` in their numbers alone and are higher, the highest first.

    Numbers are compared from left to right. A prerelease is another kind: `1.2.3` has no `1.3.0-rc.1`, but
    `1.3.0-rc.1` has `1.3.0-rc.2`.
    """
    shape, numbers = _split(tag)
    newer = {}
    for other in tags:
        its_shape, its_numbers = _split(other)
        if its_shape == shape and _values(its_numbers) > _values(numbers) and _alike(numbers, its_numbers):
            newer[other] = _values(its_numbers)
    return tuple(sorted(newer, key=lambda t: (newer[t], t), reverse=True))


def older_tags(tag: str, tags: Iterable[str]) -> tuple[str, ...]:
    """Those of the tags that `tag` is newer than, the highest first."""
    older = [other for other in tags if newer_tags(other, (tag,))]
    return tuple(sorted(older, key=lambda other: (_values(_split(other)[1]), other), reverse=True))


def _split(tag: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    parts = _NUMBER.split(tag)
    return tuple(parts[::2]), tuple(parts[1::2])


def _values(numbers: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(map(int, numbers))


def _alike(mine: tuple[str, ...], its: tuple[str, ...]) -> bool:
    return all(len(b) - len(a) < _MUCH_LONGER for a, b in zip(mine, its, strict=True))
