"""Gates: what closes them, and the exceptions that a named person takes responsibility for."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from .base import Model, Text

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)?")
_UNITS = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}


class Severity(StrEnum):
    """Severities as trivy names them."""

    UNKNOWN = "UNKNOWN"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


def _size(value: object) -> object:
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if not match:
            raise ValueError(f"{value[:40]!r} is not a size (such as 300MB or 250MiB)")
        return int(float(match[1]) * _UNITS[match[2] or "B"])
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Size = Annotated[int, BeforeValidator(_size), Field(gt=0), WithJsonSchema({"type": ["string", "integer"]})]
SeverityName = Annotated[Severity, BeforeValidator(_upper)]


class Ignore(Model):
    """One finding that may pass until a day: who decided it, and why."""

    id: Text = Field(min_length=1)
    package: Text | None = None
    owner: Text = Field(min_length=1)
    reason: Text = Field(min_length=1)
    expires: date

    @field_validator("expires", mode="before")
    @classmethod
    def _whole_day(cls, value: object) -> object:
        if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError(f"{value[:40]!r} is not a day (YYYY-MM-DD)")
        return value


class VulnerabilityGate(Model):
    """Closes on any finding of these severities that no `ignore` covers."""

    fail_on: tuple[SeverityName, ...] = (Severity.CRITICAL, Severity.HIGH)
    ignore: tuple[Ignore, ...] = ()


class SizeGate(Model):
    """Budget for the compressed layers of one platform, in bytes (`300MB`, `250MiB`)."""

    max: Size | None = None


class Gates(Model):
    """All gates, complete: what holds for one image."""

    vulnerabilities: VulnerabilityGate = VulnerabilityGate.model_construct()
    secrets: Literal["fail", "warn"] = "fail"
    size: SizeGate = SizeGate.model_construct()

    def overridden(self, by: GateOverrides | None) -> Gates:
        """These gates with what an image says instead; its ignores are added to the project's."""
        if by is None:
            return self
        mine, theirs = self.vulnerabilities, by.vulnerabilities
        if theirs is not None:
            fail_on = mine.fail_on if theirs.fail_on is None else theirs.fail_on
            mine = mine.model_copy(update={"fail_on": fail_on, "ignore": (*mine.ignore, *theirs.ignore)})
        return self.model_copy(
            update={
                "vulnerabilities": mine,
                "secrets": by.secrets or self.secrets,
                "size": by.size or self.size,
            }
        )


class VulnerabilityOverrides(Model):
    """What an image says about the vulnerability gate; absent means: as the project."""

    fail_on: tuple[SeverityName, ...] | None = None
    ignore: tuple[Ignore, ...] = ()


class GateOverrides(Model):
    """`gates:` in image.yml; absent means: as the project's policy."""

    vulnerabilities: VulnerabilityOverrides | None = None
    secrets: Literal["fail", "warn"] | None = None
    size: SizeGate | None = None
