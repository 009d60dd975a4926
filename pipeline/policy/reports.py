"""The tools' own JSON reports -> evidence. Reports are untrusted: anything unexpected is a ValueError."""

from __future__ import annotations

import json
from typing import Any

from pipeline.model import Digest, Severity

from .evidence import Finding, Inventory, LeakedSecret, Scan, TestCase, TestReport, Tool

_MAX_REPORT = 256 * 1024 * 1024


def _load(raw: bytes, what: str) -> dict[str, Any]:
    if len(raw) > _MAX_REPORT:
        raise ValueError(f"{what}: report of {len(raw)} bytes is larger than {_MAX_REPORT}")
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as fault:
        raise ValueError(f"{what}: report is not JSON: {fault}") from None
    if not isinstance(data, dict):
        raise ValueError(f"{what}: report is not an object")
    return data


def trivy_scan(raw: bytes, tool: Tool) -> Scan:
    """Read `trivy image|sbom --format json` (schema version 2)."""
    data = _load(raw, "trivy")
    if data.get("SchemaVersion") != 2:
        raise ValueError(f"trivy: schema version {data.get('SchemaVersion')!r}, expected 2")
    findings: dict[tuple[str, str, str], Finding] = {}
    secrets: list[LeakedSecret] = []
    for result in data.get("Results") or []:
        for v in result.get("Vulnerabilities") or []:
            found = Finding(
                id=str(v["VulnerabilityID"]),
                package=str(v["PkgName"]),
                version=str(v.get("InstalledVersion", "")),
                fixed=str(v.get("FixedVersion", "")),
                severity=Severity.parse(str(v.get("Severity", ""))),
                title=str(v.get("Title", ""))[:200],
            )
            findings[(found.id, found.package, found.version)] = found
        for s in result.get("Secrets") or []:
            secrets.append(
                LeakedSecret(
                    str(s.get("RuleID", "")),
                    str(result.get("Target", "")),
                    Severity.parse(str(s.get("Severity", ""))),
                )
            )
    ordered = sorted(findings.values(), key=lambda f: (-f.severity.rank, f.id, f.package))
    return Scan(tool, tuple(ordered), tuple(secrets))


def cyclonedx_inventory(documents: dict[str, bytes], tool: Tool) -> Inventory:
    """Count the packages of a CycloneDX document; `documents` maps each format to its bytes."""
    data = _load(documents["cyclonedx-json"], "syft")
    if data.get("bomFormat") != "CycloneDX":
        raise ValueError("syft: not a CycloneDX document")
    packages = sum(1 for c in data.get("components") or [] if c.get("type") in ("library", "application"))
    return Inventory(tool, packages, {name: str(Digest.of(raw)) for name, raw in sorted(documents.items())})


def structure_tests(raw: bytes, tool: Tool) -> TestReport:
    """Read `container-structure-test test -o json`; an empty report means that there were no tests."""
    data = _load(raw, "container-structure-test")
    cases = []
    for result in data.get("Results") or []:
        errors = [str(e) for e in result.get("Errors") or []]
        seen = [f"{k.lower()}: {str(result[k]).strip()}" for k in ("Stdout", "Stderr") if result.get(k)]
        passed = bool(result.get("Pass"))
        detail = "" if passed else "\n".join([*errors, *seen])[:4000]
        cases.append(TestCase(str(result.get("Name", "")), passed, detail))
    return TestReport(tool, tuple(cases))
