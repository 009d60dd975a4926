"""The findings of an index are those of all its platforms, and no newer than the oldest."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.model import Digest, Platform, Reference
from pipeline.release.signed_findings import scan_of
from pipeline.run.signing import index_evidence
from pipeline.run.signing.index_evidence import index_findings

INDEX = Reference.parse(f"ghcr.io/acme/app@{Digest.of(b'index')}")
AMD, ARM = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")


def found(day: str, *ids: str, system: str = "12") -> dict[str, Any]:
    """A platform's findings of a day's data."""
    vulnerabilities = [
        {"VulnerabilityID": id, "PkgName": "a", "InstalledVersion": "1", "Severity": "HIGH"} for id in ids
    ]
    results = [
        {"Target": "app", "Class": "os-pkgs", "Packages": [{"Name": "a"}], "Vulnerabilities": vulnerabilities}
    ]
    report = {
        "SchemaVersion": 2,
        "ArtifactName": "a child",
        "Metadata": {"OS": {"Family": "debian", "Name": system}, "ImageID": "of a child"},
        "Results": results,
    }
    scanner = {
        "uri": "pkg:github/aquasecurity/trivy@0.74.0",
        "version": "0.74.0",
        "db": {"uri": f"oci:{Digest.of(day.encode())}", "version": f"2026-11-{day}T00:00:00Z"},
        "result": report,
    }
    times = {"scanStartedOn": f"2026-11-{day}T01:00:00Z", "scanFinishedOn": f"2026-11-{day}T02:00:00Z"}
    return {"invocation": {}, "scanner": scanner, "metadata": times}


def test_every_platform_is_in_them_and_the_oldest_data() -> None:
    newer, older = found("20", "CVE-1", "CVE-2"), found("10", "CVE-1", "CVE-3")
    [statement] = index_findings(INDEX, [(ARM, newer), (AMD, older)])
    [again] = index_findings(INDEX, [(AMD, older), (ARM, newer)])
    assert statement == again and statement.subject == INDEX.digest
    scan = scan_of(statement)
    assert {f.id for f in scan.findings} == {"CVE-1", "CVE-2", "CVE-3"}
    assert scan.tool.data_date == "2026-11-10T00:00:00Z"
    report = statement.predicate["scanner"]["result"]
    assert [r["Target"] for r in report["Results"]] == ["linux/amd64: app", "linux/arm64: app"]
    assert not any("Packages" in r for r in report["Results"]), "the bills of materials list them"
    assert report["ArtifactName"] == str(INDEX)
    assert report["Metadata"] == {"OS": {"Family": "debian", "Name": "12"}}
    times = statement.predicate["metadata"]
    assert times == {"scanStartedOn": "2026-11-10T01:00:00Z", "scanFinishedOn": "2026-11-20T02:00:00Z"}


def test_platforms_of_several_systems_have_none_in_common() -> None:
    [statement] = index_findings(INDEX, [(ARM, found("1")), (AMD, found("1", system="13"))])
    assert statement.predicate["scanner"]["result"]["Metadata"] == {}


@pytest.mark.parametrize(
    "broken", [{}, {"scanner": {}}, {"scanner": {"db": {"version": "1"}}, "metadata": {}}]
)
def test_what_are_no_findings_make_none(broken: dict[str, Any]) -> None:
    assert [*index_findings(INDEX, [(AMD, found("1", "CVE-1")), (ARM, broken)])] == []


def test_what_is_too_large_stays_on_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_evidence, "MAX_ATTESTED", 100)
    assert [*index_findings(INDEX, [(AMD, found("1", "CVE-1"))])] == []
