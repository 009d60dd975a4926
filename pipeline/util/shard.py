"""`I/N`: one part of a whole that is divided into several."""

from __future__ import annotations

import re

_PART = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")


def parse_shard(text: str) -> tuple[int, int]:
    """The number of the part, from 1, and how many there are. Raises ValueError."""
    match = _PART.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise ValueError(f"{text[:40]!r} is not I/N, such as 1/4")
    return int(match[1]), int(match[2])
