"""What trivy's report knows beyond the findings that gates judge."""

from __future__ import annotations

import json

import pytest

from pipeline.model import Severity
from pipeline.policy import Finding
from pipeline.policy.scan_details import MAX_PLACES, PackagePlace, scan_details, with_history, without_matches

IDS = ("sha256:" + "1" * 64, "sha256:" + "2" * 64)
HISTORY = [
    {"created_by": "base"},
    {"created_by": "ENV A=b", "empty_layer": True},
    {"created_by": "RUN pip install"},
]
METADATA = {
    "OS": {"Family": "debian", "Name": "12.5"},
    "DiffIDs": list(IDS),
    "ImageConfig": {"history": HISTORY, "rootfs": {"diff_ids": list(IDS)}},
}
CURL = {
    "VulnerabilityID": "CVE-1",
    "PkgName": "curl",
    "InstalledVersion": "7",
    "Layer": {"DiffID": IDS[0]},
    "PkgIdentifier": {"PURL": "pkg:deb/debian/curl@7"},
    "PublishedDate": "2026-10-19T00:00:00Z",
    "PrimaryURL": "https://avd.aquasec.com/nvd/cve-1",
    "Description": "bad",
    "CVSS": {
        "nvd": {"V2Score": 9.9, "V3Score": 7.5, "V3Vector": "CVSS:3.1/AV:N"},
        "redhat": {"V3Score": 8.1, "V3Vector": "CVSS:3.1/AV:L"},
    },
}
LIBRARY = {
    "VulnerabilityID": "CVE-2",
    "PkgName": "log4j",
    "InstalledVersion": "2",
    "Layer": {"DiffID": IDS[1]},
}


def report(**changes: object) -> bytes:
    data = {
        "SchemaVersion": 2,
        "CreatedAt": "2026-11-26T08:05:12.33Z",
        "Metadata": METADATA,
        "Results": [
            {"Target": "x (debian 12.5)", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": [CURL]},
            {
                "Target": "Java",
                "Class": "lang-pkgs",
                "Type": "jar",
                "Vulnerabilities": [{**LIBRARY, "PkgPath": f"app/{n}.jar"} for n in (1, 2, 1)],
            },
        ],
    }
    return json.dumps(data | changes).encode()


def finding(id: str, package: str, version: str) -> Finding:
    return Finding(id, package, version, "", Severity.HIGH)


def test_a_package_of_the_distribution() -> None:
    details = scan_details(report())
    assert (details.scanned, details.distribution) == ("2026-11-26T08:05:12.33Z", "debian 12.5")
    assert [layer.created_by for layer in details.layers] == ["base", "RUN pip install"]
    found = details.of(finding("CVE-1", "curl", "7"))
    assert found.places == (PackagePlace("", 1),) and found.system and found.ecosystem == "debian"
    assert (found.published, found.purl) == ("2026-10-19", "pkg:deb/debian/curl@7")
    assert (found.cvss, found.vector) == (7.5, "CVSS:3.1/AV:N")


def test_a_library_is_at_each_of_its_files() -> None:
    found = scan_details(report()).of(finding("CVE-2", "log4j", "2"))
    assert found.places == (PackagePlace("app/1.jar", 2), PackagePlace("app/2.jar", 2)) and not found.system
    assert scan_details(report()).of(finding("CVE-3", "x", "1")).places == ()


def test_places_are_bounded() -> None:
    many = [{**LIBRARY, "PkgPath": f"{n}.jar"} for n in range(100)]
    raw = report(Results=[{"Class": "lang-pkgs", "Vulnerabilities": many}])
    assert len(scan_details(raw).of(finding("CVE-2", "log4j", "2")).places) == MAX_PLACES


def test_a_history_of_another_length_names_no_instruction() -> None:
    raw = report(Metadata={**METADATA, "ImageConfig": {"history": HISTORY[:2]}})
    assert [layer.created_by for layer in scan_details(raw).layers] == ["", ""]


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "https://a b",
        'https://a"onload="x',
        "https://a\x1b[2J",
        "https://" + "a" * 3000,
    ],
)
def test_only_addresses_of_the_web_are_links(address: str) -> None:
    raw = report(Results=[{"Vulnerabilities": [{**CURL, "PrimaryURL": address}]}])
    assert scan_details(raw).of(finding("CVE-1", "curl", "7")).url == ""


@pytest.mark.parametrize("published", ["", "yesterday", "2026-10-19x", None, 7])
def test_only_days_are_dates(published: object) -> None:
    raw = report(Results=[{"Vulnerabilities": [{**CURL, "PublishedDate": published}]}])
    assert scan_details(raw).of(finding("CVE-1", "curl", "7")).published == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"Metadata": 1},
        {"Metadata": {"DiffIDs": 3}},
        {"Results": [{"Vulnerabilities": [{"Layer": "x"}]}]},
        {"Results": 1},
    ],
)
def test_another_shape_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        scan_details(report(**changes))


def test_the_text_around_a_secret_is_not_kept() -> None:
    secret = {"RuleID": "pat", "Severity": "HIGH", "Match": "token=***; password=x", "Code": {"Lines": []}}
    raw = report(Results=[{"Target": "/etc/token", "Secrets": [secret]}])
    (kept,) = json.loads(without_matches(raw))["Results"][0]["Secrets"]
    assert kept == {"RuleID": "pat", "Severity": "HIGH"}
    assert without_matches(report()) == report()


def test_the_history_of_the_images_own_configuration_counts() -> None:
    """The scanner is given an archive, which says `import image layer` of every layer."""
    details = scan_details(report())
    history = [{"created_by": "COPY a /a"}, {"created_by": "RUN b"}]
    config = {"history": history, "rootfs": {"diff_ids": list(IDS)}}
    found = with_history(details, json.dumps(config).encode())
    assert [layer.created_by for layer in found.layers] == ["COPY a /a", "RUN b"]
    assert found.history == (("COPY a /a", True), ("RUN b", True)) and found.findings == details.findings
    other = {"history": history, "rootfs": {"diff_ids": list(IDS[:1])}}
    assert with_history(details, json.dumps(other).encode()) == details
    with pytest.raises(ValueError):
        with_history(details, b"[]")
