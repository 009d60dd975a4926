"""`vulnerabilities:` of a policy, as written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from pipeline.model import Ignore, Severity, VulnerabilityGate
from pipeline.model.gates import FailOrWarn, PolicyDocuments, ScannerChoice, scanners_of

from .. import shapes
from ..base import Model, Text
from .fields import SeverityName, Waiver

_DAYS = re.compile(r"([0-9]{1,4})d?")
_MOST_DAYS = 3650


def _days(value: object) -> object:
    if isinstance(value, str):
        match = _DAYS.fullmatch(value.strip())
        if not match:
            raise ValueError(f"{value[:40]!r} is not a number of days (such as 7d)")
        return int(match[1])
    return value


def _grace(value: object) -> tuple[tuple[Severity, int], ...]:
    """Days by severity, from a mapping or from one number for all."""
    entries = value if isinstance(value, Mapping) else dict.fromkeys(Severity, value)
    out: dict[Severity, int] = {}
    for name, given in entries.items():
        severity = Severity.parse(str(name))
        if severity in out:
            raise ValueError(f"{severity} is repeated")
        days = _days(given)
        if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= _MOST_DAYS:
            raise ValueError(
                f"{str(given)[:40]!r} is not a number of days from 0 to {_MOST_DAYS} (such as 7d)"
            )
        out[severity] = days
    return tuple(out.items())


def _listed(value: object) -> object:
    return value if value is None or isinstance(value, list | tuple) else (value,)


def _catalogue_file(path: str) -> str:
    parts = path.split("/")
    if parts[0] != "images" or len(parts) < 2 or "\\" in path or "\0" in path or {"", ".", ".."} & set(parts):
        raise ValueError(f"{path[:80]!r} is not a file below images/ (such as images/_policy/vex.json)")
    return path


Ids = Annotated[
    tuple[Annotated[Text, Field(min_length=1)], ...],
    BeforeValidator(_listed),
    Field(min_length=1),
    WithJsonSchema(dict(shapes.one_or_more(shapes.NOT_EMPTY))),
]
Packages = Annotated[
    tuple[Text, ...],
    BeforeValidator(_listed),
    Field(min_length=1),
    WithJsonSchema(dict(shapes.one_or_more(shapes.SCALAR))),
]
Grace = Annotated[
    tuple[tuple[Severity, int], ...], PlainValidator(_grace), WithJsonSchema(dict(shapes.GRACE))
]
CatalogueFile = Annotated[str, AfterValidator(_catalogue_file), WithJsonSchema(dict(shapes.CATALOGUE_FILE))]
Days = Annotated[int, BeforeValidator(_days), Field(ge=1, le=3650), WithJsonSchema(dict(shapes.DAYS))]
Loosened = Literal[
    "fail_on", "unfixed", "ignore", "max_age", "stale", "unexamined", "grace", "cvss", "vex", "scanner"
]


class IgnoreEntry(Waiver):
    """Findings that may pass until a day: who decided it, and why."""

    id: Ids = Field(description="The finding, such as CVE-2026-0001, or a list of them")
    package: Packages | None = Field(
        None, description="Only in this package, or in one of a list (default: in any)"
    )

    def values(self) -> tuple[Ignore, ...]:
        """As the program uses it: each finding in each package."""
        return tuple(
            Ignore(id, self.owner, self.reason, self.expires, package)
            for id in self.id
            for package in self.package or (None,)
        )


class KnownExploitedEntry(Model):
    """A list of vulnerabilities that are known to be exploited."""

    file: CatalogueFile = Field(
        description="CISA's known_exploited_vulnerabilities.json, by its path from lockage.yml, below images/"
    )


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
    grace: Grace | None = Field(
        None,
        description="Days that a finding may pass after its publication, by severity, or of any (default 0d)",
    )
    cvss: float | None = Field(
        None,
        gt=0,
        le=10,
        description="Closes on a CVSS score from here on, too, such as 7.0 (default: on none)",
    )
    known_exploited: KnownExploitedEntry | None = Field(
        None,
        description="Closes on what this list names, whatever its severity; added to that of the project",
    )
    vex: tuple[CatalogueFile, ...] = Field(
        (),
        description="VEX documents (OpenVEX, CycloneDX) by their path from lockage.yml, below images/; added to those "
        "of the project",
    )

    scanner: ScannerChoice | None = Field(
        None,
        description="Who looks for vulnerabilities: trivy (default), grype, or both, whose findings are joined",
    )

    def over(self, gate: VulnerabilityGate, documents: PolicyDocuments) -> VulnerabilityGate:
        """The gate with the values of this level instead; ignores, lists and VEX documents are added."""
        known = documents.known_exploited.get(self.known_exploited.file) if self.known_exploited else None
        vex = (document for file in self.vex if (document := documents.vex.get(file)))
        return VulnerabilityGate(
            gate.fail_on if self.fail_on is None else self.fail_on,
            (*gate.ignore, *(ignore for entry in self.ignore for ignore in entry.values())),
            self.unfixed or gate.unfixed,
            self.max_age or gate.max_age,
            self.stale or gate.stale,
            self.unexamined or gate.unexamined,
            tuple(sorted((dict(gate.grace) | dict(self.grace or ())).items(), key=lambda g: -g[0].rank)),
            gate.cvss if self.cvss is None else self.cvss,
            tuple(dict.fromkeys((*gate.known_exploited, *((known,) if known else ())))),
            tuple(dict.fromkeys((*gate.vex, *vex))),
            self.scanner or gate.scanner,
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
        before = dict(gate.grace)
        if any(days > before.get(severity, 0) for severity, days in self.grace or ()):
            yield "grace"
        if self.cvss is not None and gate.cvss is not None and self.cvss > gate.cvss:
            yield "cvss"
        if self.vex:
            yield "vex"
        if self.scanner and not set(gate.scanners) <= set(scanners_of(self.scanner)):
            yield "scanner"
