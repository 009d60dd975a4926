"""The tools' own JSON reports -> evidence. Reports are untrusted: anything unexpected is a ValueError."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pipeline.model import Digest, Severity
from pipeline.util.json_values import as_list, as_object

from .evidence import Finding, Inventory, LeakedSecret, Scan, TestCase, TestReport, Tool

_MAX_REPORT = 256 * 1024 * 1024


def trivy_scan(raw: bytes, tool: Tool) -> Scan:
    """Read `trivy image|sbom --format json` (schema version 2)."""
    report = _load(raw, "trivy")
    if report.get("SchemaVersion") != 2:
        raise ValueError(f"trivy: schema version {report.get('SchemaVersion')!r}, expected 2")
    findings: dict[tuple[str, str, str], Finding] = {}
    secrets: list[LeakedSecret] = []
    for result in _objects(report, "Results"):
        for vulnerability in _objects(result, "Vulnerabilities"):
            finding = _finding(vulnerability)
            findings[(finding.id, finding.package, finding.version)] = finding
        for secret in _objects(result, "Secrets"):
            severity = Severity.parse(_text(secret, "Severity"))
            secrets.append(LeakedSecret(_text(secret, "RuleID"), _text(result, "Target"), severity))
    ordered = sorted(findings.values(), key=lambda f: (-f.severity.rank, f.id, f.package))
    return Scan(tool, tuple(ordered), tuple(secrets))


def cyclonedx_inventory(documents: Mapping[str, bytes], tool: Tool) -> Inventory:
    """What a CycloneDX document says in short; `documents` maps each format to its bytes."""
    document = _load(documents["cyclonedx-json"], "syft")
    if document.get("bomFormat") != "CycloneDX":
        raise ValueError("syft: not a CycloneDX document")
    components = [*_objects(document, "components")]
    packages = sum(1 for component in components if component.get("type") in ("library", "application"))
    systems = (_text(c, "name") for c in components if c.get("type") == "operating-system")
    distributed = sum(any(map(_of_database, _objects(c, "properties"))) for c in components)
    digests = {name: str(Digest.of(raw)) for name, raw in sorted(documents.items())}
    serial = _text(document, "serialNumber")
    return Inventory(tool, packages, digests, next(systems, ""), serial, distributed)


def _of_database(entry: Mapping[str, object]) -> bool:
    """Whether a property is that of a package in a database: a program may say that it is one of Debian's, too."""
    return entry.get("name") == "syft:package:metadataType" and _text(entry, "value").endswith("-db-entry")


def structure_tests(raw: bytes, tool: Tool) -> TestReport:
    """Read `container-structure-test test -o json`; an empty report means that there were no tests."""
    cases = []
    for result in _objects(_load(raw, "container-structure-test"), "Results"):
        errors = [str(error) for error in as_list(result.get("Errors") or [])]
        output = [
            f"{key.lower()}: {_text(result, key).strip()}" for key in ("Stdout", "Stderr") if result.get(key)
        ]
        passed = bool(result.get("Pass"))
        detail = "" if passed else "\n".join([*errors, *output])[:4000]
        cases.append(TestCase(_text(result, "Name"), passed, detail))
    return TestReport(tool, tuple(cases))


def _finding(vulnerability: Mapping[str, object]) -> Finding:
    for key in ("VulnerabilityID", "PkgName"):
        if key not in vulnerability:
            raise ValueError(f"trivy: a vulnerability without {key}")
    return Finding(
        id=_text(vulnerability, "VulnerabilityID"),
        package=_text(vulnerability, "PkgName"),
        version=_text(vulnerability, "InstalledVersion"),
        fixed=_text(vulnerability, "FixedVersion"),
        severity=Severity.parse(_text(vulnerability, "Severity")),
        title=_text(vulnerability, "Title")[:200],
    )


def _load(raw: bytes, tool: str) -> Mapping[str, object]:
    if len(raw) > _MAX_REPORT:
        raise ValueError(f"{tool}: report of {len(raw)} bytes is larger than {_MAX_REPORT}")
    try:
        report: object = json.loads(raw)
    except (ValueError, RecursionError) as fault:
        raise ValueError(f"{tool}: report is not JSON: {fault}") from None
    if not isinstance(report, dict):
        raise ValueError(f"{tool}: report is not an object")
    return report


def _objects(parent: Mapping[str, object], key: str) -> Iterator[Mapping[str, object]]:
    """The objects of a list; none where it is null or missing."""
    return map(as_object, as_list(parent.get(key) or []))


def _text(parent: Mapping[str, object], key: str) -> str:
    return str(parent.get(key, ""))
