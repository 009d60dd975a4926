"""All gates of one image, and the one that is a word (`tests`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, Self

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import (
    as_literal,
    as_object,
)

from .licenses import LicenseGate
from .lint import LintGate
from .secrets import SecretGate
from .size import SizeGate
from .vulnerabilities import PolicyDocuments, VulnerabilityGate

TestsGate = Literal["required", "optional"]

_NO_SECRET = SecretGate()
_ANY_SIZE = SizeGate()
_NO_LINT = LintGate()
_ANY_LICENSE = LicenseGate()


@dataclass(frozen=True, slots=True)
class Gates:
    """All gates of one image, complete."""

    vulnerabilities: VulnerabilityGate = field(default_factory=VulnerabilityGate)
    secrets: SecretGate = _NO_SECRET
    size: SizeGate = _ANY_SIZE
    lint: LintGate = _NO_LINT
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
