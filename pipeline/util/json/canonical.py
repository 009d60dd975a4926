"""One way to write JSON, so that the same value is the same bytes wherever it is made."""

from __future__ import annotations

import json

_COMPACT = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
).encode


def compact(value: object) -> bytes:
    """For hashing and for the wire: no spaces, keys sorted, UTF-8."""
    return _COMPACT(value).encode()


def pretty(value: object) -> str:
    """For files and terminals: two spaces, keys in the order given, a newline at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
