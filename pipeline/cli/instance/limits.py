"""Limits of time that the environment sets."""

from __future__ import annotations

import os

from pipeline.errors import UsageError


def seconds(variable: str, default: float) -> float:
    """A limit from the environment, in whole seconds. Raises UsageError."""
    text = os.environ.get(variable) or f"{default:.0f}"
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"{variable}={text[:40]!r} is not a number of seconds", hint="a whole number from 1")
    return float(text)
