"""Times as OCI, SLSA and Docker write them (RFC 3339)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

LAST_SECOND = 253_402_300_799
"""The end of the year 9999, where RFC 3339 ends: 9999-12-31T23:59:59Z."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_timestamp(seconds: int) -> str:
    """Seconds since 1970 as a time in UTC: `2026-11-01T00:00:00Z`.

    Raises OverflowError outside the years 1 to 9999.
    """
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat() + "Z"


def parse_timestamp(text: str) -> int:
    """Seconds since 1970, fractions dropped; a time without a zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    try:
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except OverflowError:  # near the years 1 and 9999, by the zone
        raise ValueError(f"not a time: {text[:40]!r}") from None
