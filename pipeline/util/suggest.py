"""Words for people: the nearest known word, and a key's path as it is written."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """`did you mean …?` for the nearest known word, if one is near."""
    import difflib

    found = difflib.get_close_matches(word, sorted(set(known)), n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else None


def dotted(path: Iterable[str | int]) -> str:
    """`("tags", 0, "name")` as `tags[0].name`."""
    out = ""
    for step in path:
        out += f"[{step}]" if isinstance(step, int) else (f".{step}" if out else step)
    return out
