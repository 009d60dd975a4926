"""The tools' reports are untrusted: read what is expected, refuse the rest with ValueError."""

from __future__ import annotations

import json

import pytest

from pipeline.model import Severity
from pipeline.policy import Tool
from pipeline.policy.reports import cyclonedx_inventory, structure_tests, trivy_scan
from pipeline.policy.scan_details import scan_details

TOOL = Tool("t", "1")


def report_of(results: object, **counts: object) -> bytes:
    """A report of the tester; the counts are those of two results unless others are given."""
    return json.dumps(
        {"Pass": 1, "Fail": 1, "Total": 2, "Duration": 1, "Results": results, **counts}
    ).encode()


def scanned(*results: object, **top: object) -> bytes:
    """A report of trivy."""
    return json.dumps({"SchemaVersion": 2, "Results": list(results), **top}).encode()


def vulnerability(**given: object) -> dict[str, object]:
    """A finding as trivy writes it; None leaves a key out."""
    usual = {"VulnerabilityID": "CVE-1", "PkgName": "a", "InstalledVersion": "1", "Severity": "LOW"}
    return {key: value for key, value in {**usual, **given}.items() if value is not None}


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
    report = structure_tests(report_of(results), TOOL)
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


@pytest.mark.parametrize("text", ['"\\ud800"', '["\\udfff"]', '{"\\ud83d": 1}'])
def test_a_report_that_could_not_be_written_again_is_refused(text: str) -> None:
    raw = f'{{"SchemaVersion": 2, "bomFormat": "CycloneDX", "Results": [], "x": {text}}}'.encode()
    for read in (trivy_scan, structure_tests, lambda raw, tool: scan_details(raw)):
        with pytest.raises(ValueError, match="not JSON: a text with half of a surrogate pair"):
            read(raw, TOOL)


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


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_reports_of_one_finding_the_worse_counts(order: int) -> None:
    both = [vulnerability(Severity="CRITICAL"), vulnerability(FixedVersion="2")][::order]
    for report in (
        scanned({"Vulnerabilities": both}),
        scanned(*({"Vulnerabilities": [one]} for one in both)),
    ):
        (found,) = trivy_scan(report, TOOL).findings
        assert (found.severity, found.fixed) == (Severity.CRITICAL, "2")


@pytest.mark.parametrize(
    "finding",
    [
        vulnerability(Severity=None),
        vulnerability(Severity=""),
        vulnerability(Severity="SEVERE"),
        vulnerability(Severity=3),
        vulnerability(Severity=["CRITICAL"]),
        vulnerability(Severity=None, severity="CRITICAL"),
        vulnerability(Sevrity="CRITICAL"),
        vulnerability(VulnerabilityID=None),
        vulnerability(VulnerabilityID=" "),
        vulnerability(VulnerabilityID=7),
        vulnerability(PkgName={"a": 1}),
        vulnerability(FixedVersion=2),
        vulnerability(Title="\ud800"),
        vulnerability(PkgName="\udfff"),
        "CVE-1",
        None,
    ],
)
def test_a_finding_that_cannot_be_weighed_is_refused(finding: object) -> None:
    with pytest.raises(ValueError):
        trivy_scan(scanned({"Vulnerabilities": [vulnerability(), finding]}), TOOL)


@pytest.mark.parametrize(
    "raw",
    [
        scanned({"Vulnerabilties": [vulnerability(Severity="CRITICAL")]}),
        scanned({"vulnerabilities": [vulnerability(Severity="CRITICAL")]}),
        scanned({"Secret": [{"RuleID": "x", "Severity": "LOW"}]}),
        scanned({"Vulnerabilities": False}),
        scanned({"Vulnerabilities": ""}),
        scanned({"Secrets": {}}),
        scanned({"Secrets": [{"RuleID": "x"}]}),
        scanned(Results=0),
        scanned(Result=[]),
        scanned(SchemaVersion=True),
        scanned(SchemaVersion=2.0),
        scanned(SchemaVersion="2"),
        scanned(SchemaVersion=3),
        b'{"SchemaVersion": 2, "Results": [], "Results": []}',
        b'{"SchemaVersion": 2, "Score": NaN}',
        b'{"SchemaVersion": 2, "Score": ' + b"9" * 5000 + b"}",
        b"\xff\xfe{}",
        b'{"SchemaVersion": 2, "Resul',
    ],
)
def test_a_scan_that_may_hide_something_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        trivy_scan(raw, TOOL)


def test_the_keys_of_later_versions_are_no_reason_to_refuse() -> None:
    report = scanned(
        {"Vulnerabilities": [vulnerability(CVSS={}, SomethingNew=1)], "Modules": 1}, ReportID="x"
    )
    assert len(trivy_scan(report, TOOL).findings) == 1


@pytest.mark.parametrize(
    "top",
    [{}, {"ArtifactName": "/in/other.tar"}, {"ArtifactName": "/in/image.tar", "ArtifactType": "filesystem"}],
)
def test_a_scan_of_something_else_is_refused(top: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the report is on"):
        trivy_scan(scanned(**top), TOOL, artifact="/in/image.tar")
    right = scanned(ArtifactName="/in/image.tar", ArtifactType="container_image")
    assert trivy_scan(right, TOOL, artifact="/in/image.tar").findings == ()


@pytest.mark.parametrize(
    "document",
    [
        {"metadata": {"component": {"name": "other", "version": "1"}}},
        {"metadata": {"component": {"name": "app"}}},
        {"metadata": 1},
        {},
    ],
)
def test_a_bill_of_materials_of_something_else_is_refused(document: dict[str, object]) -> None:
    raw = json.dumps({"bomFormat": "CycloneDX", **document}).encode()
    with pytest.raises(ValueError):
        cyclonedx_inventory({"cyclonedx-json": raw}, TOOL, subject=("app", "1"))


@pytest.mark.parametrize(
    "component", [{}, {"type": None}, {"type": "librari"}, {"type": ["library"]}, "library"]
)
def test_a_component_of_no_kind_is_refused(component: object) -> None:
    raw = json.dumps({"bomFormat": "CycloneDX", "components": [component]}).encode()
    with pytest.raises(ValueError):
        cyclonedx_inventory({"cyclonedx-json": raw}, TOOL)


GOOD, BAD = {"Name": "good", "Pass": True}, {"Name": "bad", "Pass": False, "Errors": ["x"]}


@pytest.mark.parametrize(
    "raw",
    [
        report_of(None, Pass=0, Total=1),
        report_of([], Fail=1),
        report_of([GOOD]),
        report_of([GOOD, GOOD]),
        report_of([GOOD, BAD], Fail=0),
        report_of([GOOD, BAD], Total=3),
        report_of([GOOD, BAD], Pass="1"),
        report_of([GOOD, BAD], Pass=True),
        report_of([GOOD, BAD], Pass=1.0),
        report_of([GOOD, BAD], Fail=-1),
        report_of([GOOD, BAD], Total=10**4000),
        report_of([GOOD, {**BAD, "Pass": "false"}]),
        report_of([GOOD, {**BAD, "Pass": 0}]),
        report_of([GOOD, {**BAD, "Pass": None}]),
        report_of([GOOD, {"Name": "bad", "Errors": ["x"]}]),
        report_of([{**GOOD, "Errors": ["x"]}, BAD]),
        report_of([{"Pass": True}, BAD]),
        report_of([{**GOOD, "Name": 1}, BAD]),
        report_of([GOOD, {**BAD, "Errors": "x"}]),
        report_of([GOOD, {**BAD, "Errors": [1]}]),
        report_of([GOOD, {**BAD, "Stdout": ["x"]}]),
        report_of([GOOD, {**BAD, "Stderr": "\ud800"}]),
        report_of([GOOD, {**BAD, "Skipped": True}]),
        report_of({"good": True}),
        report_of([GOOD, BAD], Results2=[]),
        json.dumps({"Results": [GOOD]}).encode(),
        b'{"Pass": 0, "Fail": 0}',
        b'{"Pass": 1, "Fail": 0, "Total": 1, "Results": [{"Name": "x", "Pass": false, "Pass": true}]}',
        b"{}",
    ],
)
def test_a_test_report_that_contradicts_itself_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        structure_tests(raw, TOOL)
