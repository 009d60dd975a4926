"""The gates of an image: what may pass them, as `policy:` and `gates:` define it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from pipeline.util.json.values import as_integer, as_object, as_optional_text, as_texts

from .vulnerability_gate import FailOrWarn, PolicyDocuments, VulnerabilityGate, fail_or_warn


class LintLevel(StrEnum):
    """Levels as hadolint names them, lowest first. Compare them by `rank`."""

    STYLE = "style"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for the lowest level."""
        return list(LintLevel).index(self)


@dataclass(frozen=True, slots=True)
class SizeGate:
    """Budget for the compressed layers of one platform, in bytes; None for no limit."""

    max: int | None = None


@dataclass(frozen=True, slots=True)
class LintGate:
    """Closes on what linters say of the Dockerfile at this level or above, None for never; `ignore` are rules."""

    fail_on: LintLevel | None = None
    ignore: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The gate as data."""
        return {"fail_on": self.fail_on and str(self.fail_on), "ignore": list(self.ignore)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        level = as_optional_text(data["fail_on"])
        return cls(LintLevel(level) if level else None, as_texts(data["ignore"]))


@dataclass(frozen=True, slots=True)
class Gates:
    """All gates of one image, complete."""

    vulnerabilities: VulnerabilityGate = field(default_factory=VulnerabilityGate)
    secrets: FailOrWarn = "fail"
    size: SizeGate = SizeGate()
    lint: LintGate = LintGate()

    def to_json(self) -> dict[str, object]:
        """The gates as data."""
        return {
            "vulnerabilities": self.vulnerabilities.to_json(),
            "secrets": self.secrets,
            "size": {"max": self.size.max},
            "lint": self.lint.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object], documents: PolicyDocuments | None = None) -> Self:
        """Read what `to_json` wrote; `documents` are those that it names. Raises ValueError and KeyError."""
        largest = as_object(data["size"])["max"]
        return cls(
            VulnerabilityGate.from_json(as_object(data["vulnerabilities"]), documents),
            fail_or_warn(data["secrets"]),
            SizeGate(None if largest is None else as_integer(largest)),
            LintGate.from_json(as_object(data["lint"])),
        )
