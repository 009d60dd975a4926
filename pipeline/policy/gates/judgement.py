"""What judging one gate gives, before it is a verdict."""

from __future__ import annotations

from pipeline.util.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Judgement:
    """`reasons` close the gate, `unexamined` keeps it from passing, `notes` do neither."""

    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unexamined: tuple[str, ...] = ()


def listed(texts: list[str] | tuple[str, ...], most: int = 5) -> str:
    """The first of some texts, and that there are more."""
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
