"""The text of a request that proposes a new lock, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from .escape import markdown

_SHOWN = 200


def change_text(changes: Sequence[tuple[str, str, str]]) -> str:
    """From references with their digest before, empty for a new one, and now."""
    rows = [
        f"| {markdown(reference)} | {f'`{before}`' if before else 'new'} | `{now}` |"
        for reference, before, now in changes[:_SHOWN]
    ]
    more = [f"\nand {len(changes) - _SHOWN} more"] if len(changes) > _SHOWN else []
    lines = [
        "The tags of these bases and tools name other images now. Merging rebuilds the images that are based on "
        "them, and no others.",
        "",
        "| reference | locked | now |",
        "| --- | --- | --- |",
        *rows,
        *more,
    ]
    return "\n".join(lines) + "\n"
