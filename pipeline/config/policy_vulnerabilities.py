"""`vulnerabilities:` of a policy, as written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from pipeline.model import Ignore, Severity, VulnerabilityGate
from pipeline.model.vulnerability_gate import FailOrWarn

from . import shapes
from .base import Model, Text

_DAYS = re.compile(r"([0-9]{1,4})d?")


def _days(value: object) -> object:
    if isinstance(value, str):
        match = _DAYS.fullmatch(value.strip())
        if not match:
            raise ValueError(f"{value[:40]!r} is not a number of days (such as 7d)")
        return int(match[1])
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


SeverityName = Annotated[Severity, BeforeValidator(_upper), WithJsonSchema(dict(shapes.SEVERITY))]
Day = Annotated[date, WithJsonSchema(dict(shapes.DAY))]
NotEmpty = Annotated[Text, WithJsonSchema(dict(shapes.NOT_EMPTY))]
Days = Annotated[int, BeforeValidator(_days), Field(ge=1, le=3650), WithJsonSchema(dict(shapes.DAYS))]
Loosened = Literal["fail_on", "unfixed", "ignore", "max_age", "stale", "unexamined"]


class IgnoreEntry(Model):
    """One finding that may pass until a day: who decided it, and why."""

    id: NotEmpty = Field(min_length=1, description="The finding, such as CVE-2026-0001")
    package: Text | None = Field(None, description="Only in this package (default: in any)")
    owner: NotEmpty = Field(min_length=1, description="Who answers for it")
    reason: NotEmpty = Field(min_length=1, description="Why it may pass")
    expires: Day = Field(description="The last day it may pass, YYYY-MM-DD")

    @field_validator("expires", mode="before")
    @classmethod
    def _whole_day(cls, value: object) -> object:
        if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError(f"{value[:40]!r} is not a day (YYYY-MM-DD)")
        return value

    def value(self) -> Ignore:
        """As the program uses it."""
        return Ignore(self.id, self.owner, self.reason, self.expires, self.package)


class VulnerabilityPolicy(Model):
    """Which findings close the gate; absent means: as the level above says."""

    fail_on: tuple[SeverityName, ...] | None = Field(
        None, description="Severities (default CRITICAL and HIGH)"
    )
    unfixed: FailOrWarn | None = Field(
        None, description="Findings that no version fixes yet: fail (default) or warn"
    )
    max_age: Days | None = Field(
        None, description="The oldest that the scanner's data may be, such as 7d (default: any age)"
    )
    stale: FailOrWarn | None = Field(None, description="Data older than max_age: fail (default) or warn")
    unexamined: FailOrWarn | None = Field(
        None, description="What the scanner could not look at: fail (default) or warn"
    )
    ignore: tuple[IgnoreEntry, ...] = Field((), description="Added to those of the project")

    def over(self, gate: VulnerabilityGate) -> VulnerabilityGate:
        """The gate with the values of this level instead; ignores are added."""
        return VulnerabilityGate(
            gate.fail_on if self.fail_on is None else self.fail_on,
            (*gate.ignore, *(entry.value() for entry in self.ignore)),
            self.unfixed or gate.unfixed,
            self.max_age or gate.max_age,
            self.stale or gate.stale,
            self.unexamined or gate.unexamined,
        )

    def loosened(self, gate: VulnerabilityGate) -> Iterator[Loosened]:
        """What these values open that the gate of the level above closes."""
        if self.fail_on is not None and not set(gate.fail_on) <= set(self.fail_on):
            yield "fail_on"
        if self.unfixed == "warn" and gate.unfixed == "fail":
            yield "unfixed"
        if self.max_age and gate.max_age and self.max_age > gate.max_age:
            yield "max_age"
        if self.stale == "warn" and gate.stale == "fail" and gate.max_age:
            yield "stale"
        if self.unexamined == "warn" and gate.unexamined == "fail":
            yield "unexamined"
        if self.ignore:
            yield "ignore"
