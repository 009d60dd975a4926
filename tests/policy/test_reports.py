"""The tools' reports are untrusted: read what is expected, refuse the rest with ValueError."""

from __future__ import annotations

import json

import pytest

from pipeline.model import Severity
from pipeline.policy import Tool
from pipeline.policy.reports import cyclonedx_inventory, structure_tests, trivy_scan

TOOL = Tool("t", "1")


def test_findings_are_read_once_and_gravest_first() -> None:
    entry = {"VulnerabilityID": "CVE-1", "PkgName": "a", "InstalledVersion": "1", "Severity": "LOW"}
    worse = {**entry, "VulnerabilityID": "CVE-2", "Severity": "CRITICAL", "FixedVersion": "2"}
    report = {
        "SchemaVersion": 2,
        "Results": [{"Vulnerabilities": [entry, worse]}, {"Vulnerabilities": [entry]}],
    }
    scan = trivy_scan(json.dumps(report).encode(), TOOL)
    assert [(f.id, f.severity, f.fixed) for f in scan.findings] == [
        ("CVE-2", Severity.CRITICAL, "2"),
        ("CVE-1", Severity.LOW, ""),
    ]


def test_a_secret_is_named_and_not_kept() -> None:
    secret = {
        "RuleID": "aws-access-key-id",
        "Severity": "CRITICAL",
        "Match": "AKIA****",
        "Code": {"Lines": []},
    }
    report = {"SchemaVersion": 2, "Results": [{"Target": "/x", "Secrets": [secret]}]}
    (found,) = trivy_scan(json.dumps(report).encode(), TOOL).secrets
    assert (found.rule, found.path) == ("aws-access-key-id", "/x") and not hasattr(found, "match")


def test_packages_are_counted_and_files_are_not() -> None:
    kinds = ["library", "library", "application", "file", "operating-system"]
    raw = json.dumps({"bomFormat": "CycloneDX", "components": [{"type": k} for k in kinds]}).encode()
    found = cyclonedx_inventory({"cyclonedx-json": raw, "spdx-json": b"{}"}, TOOL)
    assert found.packages == 3 and set(found.documents) == {"cyclonedx-json", "spdx-json"}
    assert (found.distribution, found.serial) == ("", "")


def test_the_distribution_and_the_serial_number_are_read() -> None:
    types = ["dpkg-db-entry", "apk-db-entry", "elf-binary-package-note-json-payload", "python-package"]
    components: list[dict[str, object]] = [
        {"type": "library", "properties": [{"name": "syft:package:metadataType", "value": each}]}
        for each in types
    ]
    components.append({"type": "operating-system", "name": "debian"})
    raw = {"bomFormat": "CycloneDX", "serialNumber": "urn:uuid:1", "components": components}
    found = cyclonedx_inventory({"cyclonedx-json": json.dumps(raw).encode()}, TOOL)
    assert (found.distribution, found.serial, found.distributed) == ("debian", "urn:uuid:1", 2)


def test_structure_tests_keep_what_was_seen_of_failures_only() -> None:
    results = [
        {"Name": "good", "Pass": True, "Stdout": "noise"},
        {"Name": "bad", "Pass": False, "Errors": ["expected x"], "Stdout": "y\n"},
    ]
    report = structure_tests(json.dumps({"Results": results}).encode(), TOOL)
    assert [(c.name, c.passed, c.detail) for c in report.cases] == [
        ("good", True, ""),
        ("bad", False, "expected x\nstdout: y"),
    ]


@pytest.mark.parametrize("raw", [b"", b"[]", b"nope", b'{"SchemaVersion": 3}', b"[" * 100_000])
def test_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        trivy_scan(raw, TOOL)
    with pytest.raises(ValueError):
        cyclonedx_inventory({"cyclonedx-json": raw}, TOOL)


@pytest.mark.parametrize(
    "report",
    [
        {"Results": [1]},
        {"Results": {"Vulnerabilities": []}},
        {"Results": [{"Vulnerabilities": [{"PkgName": "a"}]}]},
        {"Results": [{"Secrets": "x"}]},
    ],
)
def test_a_report_of_another_shape_is_refused(report: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        trivy_scan(json.dumps({"SchemaVersion": 2, **report}).encode(), TOOL)
