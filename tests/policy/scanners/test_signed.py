"""The scanners in evidence and in signed findings: as before with trivy alone, and read back as they were written."""

from __future__ import annotations

import pytest

from pipeline.model import Digest, Severity
from pipeline.policy import Evidence, Finding, Scan, Tool
from pipeline.policy.scanners.signed_scanners import data_key, scanner_fields, signed_tools

ONE, OTHER = (f"sha256:{digit * 64}" for digit in "12")
TRIVY = Tool("trivy", "0.74.0", "2026-11-01T00:00:00Z", ONE)
GRYPE = Tool("grype", "0.121.3", "2026-11-20T06:00:00Z", OTHER)
SECRETS = Tool("trivy", "0.74.0")
SCANS = (Scan(TRIVY, (), ()), Scan(TRIVY, (), (), beside=(GRYPE,)), Scan(GRYPE, (), (), beside=(SECRETS,)))


@pytest.mark.parametrize("scan", SCANS)
def test_what_is_written_is_read(scan: Scan) -> None:
    assert Evidence.from_json(Evidence(0, scan=scan).to_json()).scan == scan
    assert signed_tools(scanner_fields(scan)) == scan.tools
    assert data_key(signed_tools(scanner_fields(scan))) == data_key(scan.scanners)


def test_trivy_alone_is_written_as_it_was() -> None:
    assert scanner_fields(SCANS[0]) == {
        "uri": "pkg:github/aquasecurity/trivy@0.74.0",
        "version": "0.74.0",
        "db": {"uri": f"oci:{ONE}", "version": "2026-11-01T00:00:00Z"},
    }
    written = Evidence(0, scan=SCANS[0]).to_json()["scan"]
    assert isinstance(written, dict) and "beside" not in written
    finding = Finding("CVE-2099-1", "a", "1", "", Severity.LOW)
    assert not {"scanners", "aliases"} & set(finding.to_json())


def test_other_data_of_any_scanner_is_other_data() -> None:
    keys = [data_key(scan.scanners) for scan in SCANS]
    assert keys[0] == Digest(ONE) and keys[2] == Digest(OTHER) and len(set(keys)) == 3
    newer = Scan(TRIVY, (), (), beside=(Tool("grype", "0.121.3", "2026-11-21", ONE),))
    assert data_key(newer.scanners) not in keys
    assert data_key((Tool("trivy", "1"),)) is None


def test_who_looked_for_vulnerabilities_has_data() -> None:
    assert [[tool.name for tool in scan.scanners] for scan in SCANS] == [
        ["trivy"],
        ["trivy", "grype"],
        ["grype"],
    ]
