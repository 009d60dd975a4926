"""The licenses gate: which licenses packages may have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal, Self

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import (
    as_list,
    as_literal,
    as_object,
    as_optional_text,
    as_text,
    as_texts,
)

from .waiver import decision, read_decision

UnknownLicense = Literal["fail", "warn", "pass"]


@dataclass(frozen=True, slots=True)
class LicenseException:
    """Packages (a name, or a pattern with `*`) that may pass through the last day, `expires`; with a license only
    under that one."""

    package: str
    owner: str
    reason: str
    expires: date
    license: str | None = None

    def to_json(self) -> dict[str, object]:
        """The exception as data."""
        return {"package": self.package, "license": self.license, **decision(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote."""
        return cls(as_text(data["package"]), *read_decision(data), as_optional_text(data["license"]))


@dataclass(frozen=True, slots=True)
class LicenseGate:
    """Closes on packages under a license of `deny`, and with `allow` under any that this does not name.

    Both hold SPDX identifiers, or patterns of them with `*`. `unknown` is what a package does that has no license, or
    one that is no SPDX identifier and that neither names.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    unknown: UnknownLicense = "warn"
    exceptions: tuple[LicenseException, ...] = ()

    @property
    def judges(self) -> bool:
        """Whether there is anything to judge."""
        return bool(self.allow or self.deny) or self.unknown == "fail"

    def to_json(self) -> dict[str, object]:
        """The gate as data."""
        return {
            "allow": list(self.allow),
            "deny": list(self.deny),
            "unknown": self.unknown,
            "exceptions": [entry.to_json() for entry in self.exceptions],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        return cls(
            as_texts(data["allow"]),
            as_texts(data["deny"]),
            as_literal(data["unknown"], "fail", "warn", "pass"),
            tuple(LicenseException.from_json(as_object(entry)) for entry in as_list(data["exceptions"])),
        )
