"""`licenses:` of a policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from pipeline.model import LicenseException, LicenseGate
from pipeline.model.gates import UnknownLicense
from pipeline.model.license import license_problem

from .. import shapes
from ..base import Model
from .fields import NotEmpty, Waiver

_STRICTNESS: tuple[UnknownLicense, ...] = ("pass", "warn", "fail")


def _license(text: str) -> str:
    if problem := license_problem(text):
        raise ValueError(problem)
    return text


LicenseId = Annotated[str, AfterValidator(_license), WithJsonSchema(dict(shapes.NOT_EMPTY))]


class LicenseExceptionEntry(Waiver):
    """A package that may pass until a day, whatever its license: who decided it, and why."""

    package: NotEmpty = Field(min_length=1, description="Its name, or a pattern such as linux-*")
    license: LicenseId | None = Field(None, description="Only under this license (default: under any)")

    def value(self) -> LicenseException:
        """As the program uses it."""
        return LicenseException(self.package, self.owner, self.reason, self.expires, self.license)


class LicensePolicy(Model):
    """Which licenses packages may have; absent means: as the level above says."""

    allow: tuple[LicenseId, ...] | None = Field(
        None, description="SPDX identifiers or patterns (BSD-*): nothing else may pass (default: all may)"
    )
    deny: tuple[LicenseId, ...] | None = Field(
        None,
        description="SPDX identifiers or patterns (AGPL-*) that close the gate, also where allow has them",
    )
    unknown: Literal["fail", "warn", "pass"] | None = Field(
        None,
        description="Packages without a license that SPDX or these lists know: fail, warn (default), pass",
    )
    exceptions: tuple[LicenseExceptionEntry, ...] = Field(
        (), description="Packages that may pass; added to those of the project"
    )

    def over(self, gate: LicenseGate) -> LicenseGate:
        """The gate with the values of this level instead; exceptions are added."""
        return LicenseGate(
            gate.allow if self.allow is None else self.allow,
            gate.deny if self.deny is None else self.deny,
            self.unknown or gate.unknown,
            (*gate.exceptions, *(entry.value() for entry in self.exceptions)),
        )

    def loosened(self, gate: LicenseGate) -> Iterator[str]:
        """The keys that open what the gate of the level above closes."""
        if self.allow is not None and gate.allow and not (self.allow and _cover(gate.allow, self.allow)):
            yield "allow"
        if self.deny is not None and not _cover(self.deny, gate.deny):
            yield "deny"
        if self.unknown and _STRICTNESS.index(self.unknown) < _STRICTNESS.index(gate.unknown):
            yield "unknown"
        if self.exceptions and gate.judges:
            yield "exceptions"


def _cover(patterns: tuple[str, ...], others: Iterable[str]) -> bool:
    """Whether everything that other patterns match is matched by these."""
    return all(any(fnmatchcase(o.casefold(), p.casefold()) for p in patterns) for o in others)
