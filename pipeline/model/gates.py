"""The gates of an image: what may pass them, as `policy:` and `gates:` define it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal, Self

from pipeline.util.json.values import (
    as_integer,
    as_list,
    as_literal,
    as_object,
    as_optional_text,
    as_text,
    as_texts,
)

from .license_gate import LicenseGate
from .secret_gate import SecretGate
from .severity import Severity
from .size_gate import SizeGate

FailOrWarn = Literal["fail", "warn"]
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
class Ignore:
    """A finding that may pass through its last day, `expires`; without a package, in any package."""

    id: str
    owner: str
    reason: str
    expires: date
    package: str | None = None

    def to_json(self) -> dict[str, object]:
        """The entry as data."""
        return {
            "id": self.id,
            "package": self.package,
            "owner": self.owner,
            "reason": self.reason,
            "expires": self.expires.isoformat(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            as_text(data["id"]),
            as_text(data["owner"]),
            as_text(data["reason"]),
            date.fromisoformat(as_text(data["expires"])),
            as_optional_text(data["package"]),
        )


@dataclass(frozen=True, slots=True)
class VulnerabilityGate:
    """Closes on any finding of these severities that no `ignore` covers; with `unfixed: warn` only on those that
    a newer version of the package fixes.

    Scanner data older than `max_age` days is `stale`; `unexamined` is what the scanner could not look at.
    """

    fail_on: tuple[Severity, ...] = (Severity.CRITICAL, Severity.HIGH)
    ignore: tuple[Ignore, ...] = ()
    unfixed: FailOrWarn = "fail"
    max_age: int | None = None
    stale: FailOrWarn = "fail"
    unexamined: FailOrWarn = "fail"

    def to_json(self) -> dict[str, object]:
        """The gate as data."""
        return {
            "fail_on": [str(severity) for severity in self.fail_on],
            "unfixed": self.unfixed,
            "max_age": self.max_age,
            "stale": self.stale,
            "unexamined": self.unexamined,
            "ignore": [entry.to_json() for entry in self.ignore],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        days = data["max_age"]
        return cls(
            tuple(map(Severity, as_texts(data["fail_on"]))),
            tuple(Ignore.from_json(as_object(entry)) for entry in as_list(data["ignore"])),
            _fail_or_warn(data["unfixed"]),
            None if days is None else as_integer(days),
            _fail_or_warn(data["stale"]),
            _fail_or_warn(data["unexamined"]),
        )


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

    vulnerabilities: VulnerabilityGate = VulnerabilityGate()
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
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        licenses = data.get("licenses")
        return cls(
            VulnerabilityGate.from_json(as_object(data["vulnerabilities"])),
            SecretGate.from_json(data["secrets"]),
            SizeGate.from_json(as_object(data["size"])),
            LintGate.from_json(as_object(data["lint"])),
            _ANY_LICENSE if licenses is None else LicenseGate.from_json(as_object(licenses)),
            as_literal(data.get("tests", "optional"), "required", "optional"),
        )


def _fail_or_warn(value: object) -> FailOrWarn:
    return as_literal(value, "fail", "warn")
