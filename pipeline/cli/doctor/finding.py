"""What a check found."""

from __future__ import annotations

from enum import StrEnum

from pipeline.errors import LockageError
from pipeline.util.dataclass import dataclass


class Health(StrEnum):
    """How bad it is: `warning` where a run works, but not for everything or not for long."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: what it is about, what it found, and the next command or edit."""

    check: str
    health: Health
    text: str
    next: str = ""

    @classmethod
    def ok(cls, check: str, text: str) -> CheckResult:
        """Nothing to do."""
        return cls(check, Health.OK, text)

    @classmethod
    def of(cls, check: str, fault: LockageError) -> CheckResult:
        """An error as a problem."""
        return cls(check, Health.PROBLEM, fault.message, fault.hint or "")

    def to_json(self) -> dict[str, str]:
        """As data."""
        return {"check": self.check, "health": self.health, "text": self.text, "next": self.next}
