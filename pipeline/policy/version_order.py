"""The order of versions as tags have them. Pure."""

from __future__ import annotations

import re

_NUMBERS = re.compile(r"(v?)([0-9]+(?:[._-][0-9]+)*)(.*)", re.DOTALL)
_SEPARATOR = re.compile(r"[._-]")


def is_older(version: str, than: str) -> bool:
    """Whether a version comes before another one; False also where they have no order.

    Semantic versions are ordered by Semantic Versioning 2.0.0 §11, others by their numbers if nothing else differs:
    `2026.9` is older than `2026.11`, `3.11.2-slim` than `3.11.5-slim`. `bookworm` and `trixie` have no order.
    """
    from .tags import parse_version

    one, other = parse_version(version), parse_version(than)
    if one is not None and other is not None:
        return one < other
    numbers, other_numbers = _NUMBERS.fullmatch(version), _NUMBERS.fullmatch(than)
    if not numbers or not other_numbers or numbers[1] + numbers[3] != other_numbers[1] + other_numbers[3]:
        return False
    return _values(numbers[2]) < _values(other_numbers[2])


def _values(text: str) -> tuple[int, ...]:
    return tuple(map(int, _SEPARATOR.split(text)))
