"""The gates of an image: what may pass them, as `policy:` and `gates:` define it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Literal, Self

FailOrWarn = Literal["fail", "warn"]


class Severity(StrEnum):
    """Severities as trivy and grype name them, lowest first. Compare them by `rank`: as text, LOW is above HIGH."""

    UNKNOWN = "UNKNOWN"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @classmethod
    def parse(cls, text: str) -> Severity:
        """Read a name in any case; other names are UNKNOWN, because a scanner may have its own."""
        return cls.__members__.get(text.strip().upper(), cls.UNKNOWN)

    @property
    def rank(self) -> int:
        """0 for the lowest severity."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Ignore:
    """A finding that may pass through its last day, `expires`; without a package, in any package."""

    id: str
    owner: str
    reason: str
    expires: date
    package: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The entry as data."""
        return {
            "id": self.id,
            "package": self.package,
            "owner": self.owner,
            "reason": self.reason,
            "expires": self.expires.isoformat(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        expires = date.fromisoformat(data["expires"])
        return cls(data["id"], data["owner"], data["reason"], expires, data["package"])


@dataclass(frozen=True, slots=True)
class VulnerabilityGate:
    """Closes on any finding of these severities that no `ignore` covers; with `unfixed: warn` only on those that
    a newer version of the package fixes."""

    fail_on: tuple[Severity, ...] = (Severity.CRITICAL, Severity.HIGH)
    ignore: tuple[Ignore, ...] = ()
    unfixed: FailOrWarn = "fail"


@dataclass(frozen=True, slots=True)
class SizeGate:
    """Budget for the compressed layers of one platform, in bytes; None for no limit."""

    max: int | None = None


@dataclass(frozen=True, slots=True)
class Gates:
    """All gates of one image, complete."""

    vulnerabilities: VulnerabilityGate = VulnerabilityGate()
    secrets: FailOrWarn = "fail"
    size: SizeGate = SizeGate()

    def to_json(self) -> dict[str, Any]:
        """The gates as data."""
        return {
            "vulnerabilities": {
                "fail_on": [str(severity) for severity in self.vulnerabilities.fail_on],
                "unfixed": self.vulnerabilities.unfixed,
                "ignore": [entry.to_json() for entry in self.vulnerabilities.ignore],
            },
            "secrets": self.secrets,
            "size": {"max": self.size.max},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        vulnerabilities = VulnerabilityGate(
            tuple(Severity(name) for name in data["vulnerabilities"]["fail_on"]),
            tuple(Ignore.from_json(entry) for entry in data["vulnerabilities"]["ignore"]),
            data["vulnerabilities"]["unfixed"],
        )
        return cls(vulnerabilities, data["secrets"], SizeGate(data["size"]["max"]))
