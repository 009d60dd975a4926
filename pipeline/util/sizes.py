"""Sizes in bytes as limits are written: `4 MiB`, `64 GiB`."""

from __future__ import annotations

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

KIB, MIB, GIB, TIB, EIB = (1024**power for power in (1, 2, 3, 4, 6))


def size_text(size: int) -> str:
    """A size in the largest binary unit of which it is a whole number."""
    unit = 0
    while size and size % 1024 == 0 and unit < len(_UNITS) - 1:
        size, unit = size // 1024, unit + 1
    return f"{size} {_UNITS[unit]}"
