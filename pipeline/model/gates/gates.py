"""The gates of an image: what may pass them, as `policy:` and `gates:` define it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Self

from pipeline.util.json.values import (
    as_literal,
    as_object,
    as_optional_text,
    as_texts,
)

from .licenses import LicenseGate
from .secrets import SecretGate
from .size import SizeGate
from .vulnerabilities import PolicyDocuments, VulnerabilityGate

TestsGate = Literal["required", "optional"]

_NO_SECRET = SecretGate()
_ANY_SIZE = SizeGate()
_ANY_LICENSE = LicenseGate()


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
    secrets: SecretGate = _NO_SECRET
    size: SizeGate = _ANY_SIZE
    lint: LintGate = LintGate()
    licenses: LicenseGate = _ANY_LICENSE
    tests: TestsGate = "optional"

    def to_json(self) -> dict[str, object]:
        """The gates as data; `licenses` and `tests` are left out where they are as by default."""
        return {
            "vulnerabilities": self.vulnerabilities.to_json(),
            "secrets": self.secrets.to_json(),
            "size": self.size.to_json(),
            "lint": self.lint.to_json(),
            **({"licenses": self.licenses.to_json()} if self.licenses != _ANY_LICENSE else {}),
            **({"tests": self.tests} if self.tests != "optional" else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object], documents: PolicyDocuments | None = None) -> Self:
        """Read what `to_json` wrote; `documents` are those that it names. Raises ValueError and KeyError."""
        licenses = data.get("licenses")
        return cls(
            VulnerabilityGate.from_json(as_object(data["vulnerabilities"]), documents),
            SecretGate.from_json(data["secrets"]),
            SizeGate.from_json(as_object(data["size"])),
            LintGate.from_json(as_object(data["lint"])),
            _ANY_LICENSE if licenses is None else LicenseGate.from_json(as_object(licenses)),
            as_literal(data.get("tests", "optional"), "required", "optional"),
        )
