"""Sizes in bytes: limits in binary units (`4 MiB`), images in decimal ones (`31.7 MB`)."""

from __future__ import annotations

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

KIB, MIB, GIB, TIB, EIB = (1024**power for power in (1, 2, 3, 4, 6))


def size_text(size: int) -> str:
    """A size in the largest binary unit of which it is a whole number."""
    unit = 0
    while size and size % 1024 == 0 and unit < len(_UNITS) - 1:
        size, unit = size // 1024, unit + 1
    return f"{size} {_UNITS[unit]}"


def decimal_size(size: int) -> str:
    """A size in decimal units, as registries bill it."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
