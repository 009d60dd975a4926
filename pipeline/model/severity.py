"""How grave a finding is."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """Severities as trivy and grype name them, lowest first. Compare them by `rank`: as text, LOW is above HIGH."""

    UNKNOWN = "UNKNOWN"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @classmethod
    def parse(cls, text: str) -> Severity:
        """Read a name in any case. Raises ValueError for any other: what it weighs is not known."""
        try:
            return cls.__members__[text.strip().upper()]
        except KeyError:
            raise ValueError(f"{text[:40]!r} is not a severity ({', '.join(cls)})") from None

    @property
    def rank(self) -> int:
        """0 for the lowest severity."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}
