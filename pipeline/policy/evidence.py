"""What the tools reported about one digest: facts only, no judgement.

Evidence is stored as signed attestations on the digest, and in short form in the record of the target. Each time a
gate is evaluated, its verdict is computed from the evidence again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Self

from pipeline.model import LintLevel, Severity
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import (
    as_flag,
    as_integer,
    as_list,
    as_object,
    as_optional_text,
    as_text,
    as_text_mapping,
    as_texts,
)

from .finding import SCAN_EDITION, Finding
from .packages import Package, packages_from_json, packages_to_json


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool and its version, and for scanners the day of its data (ISO 8601) and the data's digest."""

    name: str
    version: str
    data_date: str | None = None
    data_digest: str | None = None


@dataclass(frozen=True, slots=True)
class LeakedSecret:
    """One secret found in a layer; the secret itself is never stored."""

    rule: str
    path: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Inventory:
    """The bill of materials in numbers, and the digest of each document by its format.

    `distribution` is the one that the image names, empty if it names none, and `distributed` how many packages are in a
    distribution's database. `serial` is the documents' serial number. Here as in the other evidence of a tool,
    `unexamined` is what the tool could not look at, or why its report could not be read: sentences for people, none if
    it has seen everything. `licensed` are the packages with their licenses; None in records of before they were kept.
    """

    tool: Tool
    packages: int
    documents: Mapping[str, str]
    distribution: str = ""
    serial: str = ""
    distributed: int = 0
    unexamined: tuple[str, ...] = ()
    licensed: tuple[Package, ...] | None = None


@dataclass(frozen=True, slots=True)
class JavaData:
    """The data by which Java archives were identified, its digest and day (ISO 8601); None where there was none."""

    digest: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """What the scanner reported, findings in the scanner's order; `java` for images with Java archives.

    `edition` is what of a report was kept: scans of before `SCAN_EDITION` have neither days, scores nor identifiers.
    `distribution` is the one that the scanner has data for, empty if it knows none in the image, None where it does not
    say; `ended` whether that has reached its end of life. `tool` looked for vulnerabilities; `beside` are the others
    whose reports are part of it: a second scanner, or with grype alone trivy, which then looked for secrets only.
    """

    tool: Tool
    findings: tuple[Finding, ...]
    secrets: tuple[LeakedSecret, ...]
    java: JavaData | None = None
    unexamined: tuple[str, ...] = ()
    edition: int = SCAN_EDITION
    distribution: str | None = None
    ended: bool = False
    beside: tuple[Tool, ...] = ()

    @property
    def tools(self) -> tuple[Tool, ...]:
        """All tools whose reports it is made of."""
        return self.tool, *self.beside

    @property
    def scanners(self) -> tuple[Tool, ...]:
        """The tools that looked for vulnerabilities: those with data."""
        return self.tool, *(tool for tool in self.beside if tool.data_digest)

    @property
    def is_complete(self) -> bool:
        """Whether the scanner has read everything, Java archives included."""
        return not self.unexamined and (self.java is None or self.java.digest is not None)


@dataclass(frozen=True, slots=True)
class TestCase:
    """One structure test; `detail` has what was expected and what was found if it failed."""

    __test__ = False  # not for pytest, in spite of its name

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TestReport:
    """The structure tests of one image; empty when the image has none."""

    __test__ = False

    tool: Tool
    cases: tuple[TestCase, ...]
    unexamined: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One finding about a Dockerfile; `line` counts from 1, 0 if it names none."""

    line: int
    rule: str
    level: LintLevel
    message: str

    def __str__(self) -> str:
        return f"{self.rule} {self.level}: {self.message}"


@dataclass(frozen=True, slots=True)
class LintReport:
    """What linters say of one Dockerfile, by line; `tool` is hadolint."""

    tool: Tool
    findings: tuple[LintFinding, ...]
    unexamined: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """All evidence about one digest. `size` is the compressed size in bytes: config and layers."""

    size: int
    inventory: Inventory | None = None
    scan: Scan | None = None
    tests: TestReport | None = None
    lint: LintReport | None = None

    def updated(self, newer: Evidence) -> Evidence:
        """With the newer parts in place of its own; its size stays."""
        return replace(
            self,
            inventory=newer.inventory or self.inventory,
            scan=newer.scan or self.scan,
            tests=newer.tests or self.tests,
            lint=newer.lint or self.lint,
        )

    def to_json(self) -> dict[str, object]:
        """As plain data; `from_json` reads it back."""
        return {
            "size": self.size,
            "inventory": _json(self.inventory),
            "scan": _json(self.scan),
            "tests": _json(self.tests),
            **({"lint": _json(self.lint)} if self.lint else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote; raises ValueError for anything else."""
        inventory, scan, tests = data.get("inventory"), data.get("scan"), data.get("tests")
        lint = data.get("lint")
        try:
            return cls(
                as_integer(data["size"]),
                _inventory(as_object(inventory)) if inventory else None,
                _scan(as_object(scan)) if scan else None,
                _tests(as_object(tests)) if tests else None,
                _lint(as_object(lint)) if lint else None,
            )
        except KeyError as missing:
            raise ValueError(f"not a record of evidence: {missing} is missing") from None


def _json(part: Inventory | Scan | TestReport | LintReport | None) -> dict[str, object] | None:
    if part is None:
        return None
    data = asdict(replace(part, licensed=None) if isinstance(part, Inventory) else part)
    if not part.unexamined:
        del data["unexamined"]
    if isinstance(part, Inventory):
        del data["licensed"]
        if part.licensed is not None:
            data["licenses"] = packages_to_json(part.licensed)
    if isinstance(part, Scan):
        data["findings"] = [finding.to_json() for finding in part.findings]
        for name in ("distribution", "ended", "beside"):
            if data[name] in (None, False, ()):
                del data[name]
    return data


def _unexamined(data: Mapping[str, object]) -> tuple[str, ...]:
    return as_texts(data.get("unexamined", []))


def _inventory(data: Mapping[str, object]) -> Inventory:
    licenses = data.get("licenses")
    return Inventory(
        _tool(data),
        as_integer(data["packages"]),
        as_text_mapping(data["documents"]),
        as_text(data.get("distribution", "")),
        as_text(data.get("serial", "")),
        as_integer(data.get("distributed", data["packages"])),  # records of before it was counted
        _unexamined(data),
        None if licenses is None else packages_from_json(as_list(licenses)),
    )


def _scan(data: Mapping[str, object]) -> Scan:
    findings = (as_object(entry) for entry in as_list(data["findings"]))
    secrets = (as_object(entry) for entry in as_list(data["secrets"]))
    return Scan(
        _tool(data),
        tuple(map(Finding.from_json, findings)),
        tuple(
            LeakedSecret(as_text(one["rule"]), as_text(one["path"]), Severity.parse(as_text(one["severity"])))
            for one in secrets
        ),
        _java(as_object(data["java"])) if data.get("java") else None,
        _unexamined(data),
        as_integer(data.get("edition", 1)),
        as_optional_text(data.get("distribution")),
        as_flag(data.get("ended", False)),
        tuple(_tool({"tool": tool}) for tool in as_list(data.get("beside", []))),
    )


def _java(data: Mapping[str, object]) -> JavaData:
    return JavaData(as_optional_text(data.get("digest")), as_optional_text(data.get("date")))


def _tests(data: Mapping[str, object]) -> TestReport:
    cases = (as_object(entry) for entry in as_list(data["cases"]))
    return TestReport(
        _tool(data),
        tuple(
            TestCase(as_text(case["name"]), as_flag(case["passed"]), as_text(case.get("detail", "")))
            for case in cases
        ),
        _unexamined(data),
    )


def _lint(data: Mapping[str, object]) -> LintReport:
    findings = (as_object(finding) for finding in as_list(data["findings"]))
    return LintReport(
        _tool(data),
        tuple(
            LintFinding(
                as_integer(finding["line"]),
                as_text(finding["rule"]),
                LintLevel(as_text(finding["level"])),
                as_text(finding["message"]),
            )
            for finding in findings
        ),
        _unexamined(data),
    )


def _tool(data: Mapping[str, object]) -> Tool:
    tool = as_object(data["tool"])
    return Tool(
        as_text(tool["name"]),
        as_text(tool["version"]),
        as_optional_text(tool.get("data_date")),
        as_optional_text(tool.get("data_digest")),
    )
