"""What the tools found out about one digest: facts only, no judgement.

Evidence is what is kept (as signed attestations on the digest, and in short form in the record of the
target); a verdict is made from it again whenever a gate is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from pipeline.model import Severity


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool and its version, and for scanners the day of its data (ISO 8601) and the data's digest."""

    name: str
    version: str
    data_date: str | None = None
    data_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One known vulnerability in one package; `fixed` is empty when there is no fixed version."""

    id: str
    package: str
    version: str
    fixed: str
    severity: Severity
    title: str = ""


@dataclass(frozen=True, slots=True)
class LeakedSecret:
    """One secret found in a layer; the secret itself is never kept."""

    rule: str
    path: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Inventory:
    """The bill of materials in numbers, and the digest of each document by its format."""

    tool: Tool
    packages: int
    documents: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Scan:
    """What the scanner reported, findings in the scanner's order."""

    tool: Tool
    findings: tuple[Finding, ...]
    secrets: tuple[LeakedSecret, ...]


@dataclass(frozen=True, slots=True)
class TestCase:
    """One structure test; `detail` says what was expected and seen when it failed."""

    __test__ = False  # not a test of ours, whatever pytest thinks of the name

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TestReport:
    """The structure tests of one image; empty when the image has none."""

    __test__ = False

    tool: Tool
    cases: tuple[TestCase, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything known about one digest. `size` is the compressed size in bytes: config and layers."""

    size: int
    inventory: Inventory | None = None
    scan: Scan | None = None
    tests: TestReport | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain data; `from_json` reads it back."""
        out = asdict(self)
        if self.inventory:
            out["inventory"]["documents"] = dict(self.inventory.documents)
        for part in ("findings", "secrets") if self.scan else ():
            for item in out["scan"][part]:
                item["severity"] = str(item["severity"])
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; raises ValueError for anything else."""
        try:
            return cls(
                int(data["size"]),
                _inventory(data["inventory"]) if data.get("inventory") else None,
                _scan(data["scan"]) if data.get("scan") else None,
                _tests(data["tests"]) if data.get("tests") else None,
            )
        except (KeyError, TypeError, AttributeError) as fault:
            raise ValueError(f"not a record of evidence: {fault}") from None


def _inventory(data: Mapping[str, Any]) -> Inventory:
    return Inventory(Tool(**data["tool"]), int(data["packages"]), dict(data["documents"]))


def _scan(data: Mapping[str, Any]) -> Scan:
    return Scan(
        Tool(**data["tool"]),
        tuple(Finding(**{**f, "severity": Severity.parse(f["severity"])}) for f in data["findings"]),
        tuple(LeakedSecret(**{**s, "severity": Severity.parse(s["severity"])}) for s in data["secrets"]),
    )


def _tests(data: Mapping[str, Any]) -> TestReport:
    return TestReport(Tool(**data["tool"]), tuple(TestCase(**case) for case in data["cases"]))
