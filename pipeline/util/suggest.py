"""Suggestions and key paths for messages."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to another one, if one is near enough."""
    import difflib

    matches = difflib.get_close_matches(word, sorted(set(known)), n=1, cutoff=0.6)
    return matches[0] if matches else None


def suggest(word: str | None) -> str | None:
    """`did you mean …?` for a word, if there is one."""
    return f"did you mean {word}?" if word else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """`did you mean …?` for the nearest known word, if one is near enough."""
    return suggest(nearest(word, known))


def dotted(path: Iterable[str | int]) -> str:
    """`("tags", 0, "name")` as `tags[0].name`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else (f".{step}" if text else step)
    return text
