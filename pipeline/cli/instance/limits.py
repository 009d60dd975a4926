"""Limits of time that the environment sets."""

from __future__ import annotations

import os

from pipeline.errors import UsageError

_LONGEST = 7 * 24 * 60 * 60  # a week


def seconds(variable: str, default: float) -> float:
    """A limit from the environment, in whole seconds. Raises UsageError."""
    text = os.environ.get(variable) or f"{default:.0f}"
    if (
        not (text.isascii() and text.isdecimal())
        or len(text) > len(str(_LONGEST))
        or not 1 <= int(text) <= _LONGEST
    ):
        raise UsageError(
            f"{variable}={text[:40]!r} is not a number of seconds",
            hint=f"a whole number from 1 to {_LONGEST}",
        )
    return float(text)
