"""What lets something pass until a day: who decided it, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from pipeline.util.json.values import as_text


class ExpiringEntry(Protocol):
    """An entry of a policy that counts through its last day, `expires`."""

    @property
    def owner(self) -> str:
        """Who answers for it."""

    @property
    def reason(self) -> str:
        """Why it may pass."""

    @property
    def expires(self) -> date:
        """The last day it may pass."""


def decision(waiver: ExpiringEntry) -> dict[str, object]:
    """Owner, reason and last day as data."""
    return {"owner": waiver.owner, "reason": waiver.reason, "expires": waiver.expires.isoformat()}


def read_decision(data: Mapping[str, object]) -> tuple[str, str, date]:
    """Read what `decision` wrote. Raises ValueError and KeyError."""
    return as_text(data["owner"]), as_text(data["reason"]), date.fromisoformat(as_text(data["expires"]))
