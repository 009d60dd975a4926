"""The differences between two images as text, one line each, grouped by part of the image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .console import print_line

if TYPE_CHECKING:
    from pipeline.oci.compare import Comparison, Difference

_MAX_DIFFERENCES = 40  # lines per part; --json has all
_MAX_VALUE = 100  # characters
_DIGEST = re.compile(r"sha256:([0-9a-f]{12})[0-9a-f]{52}")


def print_differences(comparison: Comparison) -> None:
    """Print differences part by part, digests shortened."""
    parts: dict[str, list[Difference]] = {}
    for difference in comparison.differences:
        parts.setdefault(difference.where, []).append(difference)
    for part, differences in parts.items():
        for difference in differences[:_MAX_DIFFERENCES]:
            name = f"{difference.path}: {difference.what}" if difference.path else difference.what
            change = f"{_value(difference.before)} -> {_value(difference.after)}"
            print_line(f"  {part}  {name}  {change}")
        if len(differences) > _MAX_DIFFERENCES:
            print_line(f"  {part}  and {len(differences) - _MAX_DIFFERENCES} more; --json has all")
    if comparison.differences and comparison.same_files:
        print_line("  the files that a container sees are the same")


def _value(text: str | None) -> str:
    if text is None:
        return "nothing"
    text = _DIGEST.sub(r"\1", text if text.isprintable() else ascii(text)[1:-1])
    return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 3]}..."
