"""What the vulnerability gate lets pass, as `policy:` and `gates:` define it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from datetime import date
from typing import Literal, Self

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import (
    as_integer,
    as_list,
    as_literal,
    as_object,
    as_optional_text,
    as_text,
    as_texts,
)

from ..known_exploited import KnownExploited
from ..severity import Severity
from ..vex import VexDocument
from .waiver import decision, read_decision

FailOrWarn = Literal["fail", "warn"]
ScannerChoice = Literal["trivy", "grype", "both"]


def scanners_of(choice: ScannerChoice) -> tuple[str, ...]:
    """The scanners whose findings count."""
    return ("trivy", "grype") if choice == "both" else (choice,)


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
        return {"id": self.id, "package": self.package, **decision(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote."""
        return cls(as_text(data["id"]), *read_decision(data), as_optional_text(data["package"]))


@dataclass(frozen=True, slots=True)
class PolicyDocuments:
    """The files of the catalogue that policies name, by path, read."""

    known_exploited: Mapping[str, KnownExploited] = field(default_factory=dict)
    vex: Mapping[str, VexDocument] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VulnerabilityGate:
    """Closes on any finding of these severities, of a CVSS score of `cvss` or above, or in a `known_exploited` list,
    unless an `ignore` covers it or a `vex` document takes it out; with `unfixed: warn` only on those that a newer
    version of the package fixes. For `grace` days by severity after its publication, a finding may pass. What is known
    to be exploited has no grace, and closes without a fix, too.

    Scanner data older than `max_age` days is `stale`; `unexamined` is what the scanner could not look at. `scanner` is
    who looks for vulnerabilities.
    """

    fail_on: tuple[Severity, ...] = (Severity.CRITICAL, Severity.HIGH)
    ignore: tuple[Ignore, ...] = ()
    unfixed: FailOrWarn = "fail"
    max_age: int | None = None
    stale: FailOrWarn = "fail"
    unexamined: FailOrWarn = "fail"
    grace: tuple[tuple[Severity, int], ...] = ()
    cvss: float | None = None
    known_exploited: tuple[KnownExploited, ...] = ()
    vex: tuple[VexDocument, ...] = ()
    scanner: ScannerChoice = "trivy"

    @property
    def scanners(self) -> tuple[str, ...]:
        """The scanners whose findings count."""
        return scanners_of(self.scanner)

    def names(self, severity: Severity, score: float | None, *ids: str) -> bool:
        """Whether it closes on a finding that nothing takes out; `ids` are its id and aliases."""
        scored = self.cvss is not None and score is not None and score >= self.cvss
        return scored or severity in self.fail_on or self.lists(*ids)

    def lists(self, *ids: str) -> bool:
        """Whether a vulnerability, by its id and aliases, is known to be exploited."""
        return any(id in known.ids for known in self.known_exploited for id in ids)

    def to_json(self) -> dict[str, object]:
        """The gate as data."""
        return {
            "fail_on": [str(severity) for severity in self.fail_on],
            "unfixed": self.unfixed,
            "max_age": self.max_age,
            "stale": self.stale,
            "unexamined": self.unexamined,
            "ignore": [entry.to_json() for entry in self.ignore],
            **({"grace": days_of(self.grace)} if self.grace else {}),
            **({"cvss": self.cvss} if self.cvss is not None else {}),
            **(
                {"known_exploited": [k.to_json() for k in self.known_exploited]}
                if self.known_exploited
                else {}
            ),
            **({"vex": [document.to_json() for document in self.vex]} if self.vex else {}),
            **({"scanner": self.scanner} if self.scanner != "trivy" else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object], documents: PolicyDocuments | None = None) -> Self:
        """Read what `to_json` wrote; `documents` are those that it names. Raises ValueError and KeyError."""
        days, score = data["max_age"], data.get("cvss")
        documents = documents or PolicyDocuments()
        grace = as_object(data.get("grace", {}))
        return cls(
            tuple(map(Severity, as_texts(data["fail_on"]))),
            tuple(Ignore.from_json(as_object(entry)) for entry in as_list(data["ignore"])),
            fail_or_warn(data["unfixed"]),
            None if days is None else as_integer(days),
            fail_or_warn(data["stale"]),
            fail_or_warn(data["unexamined"]),
            tuple((Severity(name), as_integer(given)) for name, given in grace.items()),
            score if isinstance(score, float) else None,
            tuple(documents.known_exploited[file] for file in _files(data, "known_exploited")),
            tuple(documents.vex[file] for file in _files(data, "vex")),
            as_literal(data.get("scanner", "trivy"), "trivy", "grype", "both"),
        )


def days_of(grace: Iterable[tuple[Severity, int]]) -> dict[str, int]:
    """Days by the name of a severity."""
    return {str(severity): days for severity, days in grace}


def _files(data: Mapping[str, object], key: str) -> Iterator[str]:
    return (as_text(as_object(entry)["file"]) for entry in as_list(data.get(key, [])))


def fail_or_warn(value: object) -> FailOrWarn:
    """Read `fail` or `warn`. Raises ValueError."""
    return as_literal(value, "fail", "warn")
