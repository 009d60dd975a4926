"""What grype reports, joined with what trivy reports: one finding where both mean the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from pipeline.model import Digest, Ignore, Severity, VulnerabilityGate
from pipeline.model.known_exploited import KnownExploited
from pipeline.model.vex import read_vex
from pipeline.policy import Effect, Finding, Tool, judge_findings
from pipeline.policy.gates.vulnerabilities import judge_vulnerabilities
from pipeline.policy.judged_findings import VexEvidence
from pipeline.policy.reports import trivy_scan
from pipeline.policy.scan_details import PackagePlace, scan_details
from pipeline.policy.scanners.grype import read_grype
from pipeline.policy.scanners.join import joined, package_key

TODAY = date(2026, 11, 26)
TRIVY = Tool("trivy", "0.74.0", "2026-11-01", "sha256:" + "1" * 64)
CURL = "pkg:deb/debian/curl@8.0-1?arch=amd64&distro=debian-12"
LAYER = "sha256:" + "a" * 64

OPENVEX = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://x.example/1",
    "author": "a",
    "timestamp": "2026-11-01T00:00:00Z",
    "version": 1,
}
STATEMENT = {
    "products": [{"@id": "pkg:deb/debian/curl"}],
    "status": "not_affected",
    "justification": "component_not_present",
}


def vulnerability(id: str = "CVE-2099-1", severity: str = "HIGH", purl: str = CURL, **more: Any) -> Any:
    """One of trivy's findings."""
    found = {"VulnerabilityID": id, "PkgName": "curl", "InstalledVersion": "8.0-1", "Severity": severity}
    return {**found, "PkgIdentifier": {"PURL": purl}, "PublishedDate": "2026-10-01T00:00:00Z", **more}


def trivy(*vulnerabilities: Any, **more: Any) -> bytes:
    package = {"ID": "curl@8.0-1", "Name": "curl", "Version": "8.0", "Identifier": {"PURL": CURL}}
    packages = [{**package, "Layer": {"DiffID": LAYER}}]
    result = {"Target": "in.tar (debian 12)", "Class": "os-pkgs", "Type": "debian", "Packages": packages}
    found = {"Vulnerabilities": list(vulnerabilities)} if vulnerabilities else {}
    metadata = {"OS": {"Family": "debian", "Name": "12.5"}, "DiffIDs": [LAYER]}
    report = {"SchemaVersion": 2, "ArtifactName": "in.tar", "ArtifactType": "container_image"}
    return json.dumps({**report, "Metadata": metadata, "Results": [{**result, **found}], **more}).encode()


def match(
    id: str = "CVE-2099-1", severity: str = "Critical", *, related: Sequence[str] = (), **more: Any
) -> Any:
    """One match of grype's, in curl unless `artifact` is another."""
    own = {"id": id, "severity": severity, "cvss": [], "fix": {"versions": ["8.1-1"], "state": "fixed"}}
    place = {"path": "/var/lib/dpkg/status", "layerID": LAYER}
    package = {"name": "curl", "version": "8.0-1", "type": "deb", "purl": CURL, "locations": [place]}
    others = [{"id": other, "cvss": []} for other in related]
    return {
        "vulnerability": {**own, **more.get("vulnerability", {})},
        "relatedVulnerabilities": others,
        "artifact": {**package, **more.get("artifact", {})},
    }


def grype(*matches: Any, **more: Any) -> bytes:
    distro = {"name": "debian", "version": "12"}
    return json.dumps(
        {"matches": matches, "distro": distro, "descriptor": {"name": "grype"}, **more}
    ).encode()


def join(report: bytes, *matches: Any, alone: bool = False) -> tuple[Finding, ...]:
    """The findings of both."""
    made = joined(report, read_grype(grype(*matches)), alone=alone)
    return trivy_scan(made, TRIVY, artifact="in.tar").findings


def summary(finding: Finding) -> tuple[str, str, str, tuple[str, ...], tuple[str, ...]]:
    return finding.id, str(finding.severity), finding.fixed, finding.scanners, finding.aliases


def test_one_finding_of_both_has_the_higher_severity_and_trivy_s_day() -> None:
    (finding,) = join(trivy(vulnerability()), match())
    assert summary(finding) == ("CVE-2099-1", "CRITICAL", "8.1-1", ("grype", "trivy"), ())
    assert finding.published == "2026-10-01"
    (finding,) = join(trivy(vulnerability(FixedVersion="9")), match(severity="Low"))
    assert summary(finding) == ("CVE-2099-1", "HIGH", "9", ("grype", "trivy"), ())


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        # by an alias that trivy knows, by one that grype knows
        (
            vulnerability(VendorIDs=["GHSA-aaaa-bbbb-cccc"]),
            match("GHSA-aaaa-bbbb-cccc"),
            [("CVE-2099-1", ("grype", "trivy"), ("GHSA-aaaa-bbbb-cccc",))],
        ),
        (
            vulnerability(),
            match("GHSA-aaaa-bbbb-cccc", related=["CVE-2099-1"]),
            [("CVE-2099-1", ("grype", "trivy"), ("GHSA-aaaa-bbbb-cccc",))],
        ),
        # trivy has no CVE for it
        (
            vulnerability("GHSA-aaaa-bbbb-cccc"),
            match("GHSA-aaaa-bbbb-cccc", related=["CVE-2099-1"]),
            [("GHSA-aaaa-bbbb-cccc", ("grype", "trivy"), ("CVE-2099-1",))],
        ),
        # an advisory about two: one is known, the other new; neither is an alias of the other
        (
            vulnerability(),
            match("ALAS-1", related=["CVE-2099-1", "CVE-2099-2"]),
            [("CVE-2099-1", ("grype", "trivy"), ("ALAS-1",)), ("CVE-2099-2", ("grype",), ("ALAS-1",))],
        ),
        # nothing in common
        (
            vulnerability(),
            match("CVE-2099-3"),
            [("CVE-2099-1", ("trivy",), ()), ("CVE-2099-3", ("grype",), ())],
        ),
        (
            vulnerability(),
            match(artifact={"version": "9", "purl": "pkg:deb/debian/curl@9"}),
            [("CVE-2099-1", ("grype",), ()), ("CVE-2099-1", ("trivy",), ())],
        ),
    ],
)
def test_findings_are_one_if_they_share_a_package_and_an_id(
    ours: Any, theirs: Any, expected: list[tuple[str, tuple[str, ...], tuple[str, ...]]]
) -> None:
    found = join(trivy(ours), theirs)
    assert sorted((f.id, f.scanners, f.aliases) for f in found) == expected


def test_what_only_grype_reports_is_where_trivy_has_the_package() -> None:
    raw = joined(trivy(), read_grype(grype(match(related=["GHSA-aaaa-bbbb-cccc"]))), alone=False)
    details = scan_details(raw)
    (finding,) = trivy_scan(raw, TRIVY).findings
    assert details.of(finding).places == (PackagePlace("", 1),) and details.of(finding).ecosystem == "debian"
    assert finding.aliases == ("GHSA-aaaa-bbbb-cccc",) and finding.published == ""


def test_a_package_that_trivy_does_not_list_gets_a_result_of_its_own() -> None:
    jar = {
        "name": "log4j-core",
        "version": "2.0",
        "type": "java-archive",
        "purl": "pkg:maven/org.apache/log4j-core@2.0",
        "locations": [{"path": "/srv/a.jar", "layerID": LAYER}],
    }
    elsewhere = {**jar, "locations": [{"path": "/srv/b.jar", "layerID": LAYER}]}
    raw = joined(
        trivy(),
        read_grype(grype(match(artifact=jar), match(artifact=jar), match(artifact=elsewhere))),
        alone=True,
    )
    (finding,) = trivy_scan(raw, TRIVY).findings
    assert (finding.package, finding.scanners) == ("org.apache:log4j-core", ("grype",))
    details = scan_details(raw).of(finding)
    assert [place.path for place in details.places] == ["srv/a.jar", "srv/b.jar"]
    assert (details.ecosystem, details.system) == ("jar", False)


def test_the_score_is_read_as_trivy_s_is() -> None:
    vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
    scored = {
        "cvss": [
            {"source": "nvd@nist.gov", "version": "3.1", "vector": vector, "metrics": {"baseScore": 9.8}}
        ]
    }
    (finding,) = join(
        trivy(vulnerability(CVSS={"redhat": {"V3Score": 5.0, "V3Vector": vector}})),
        match(vulnerability=scored),
    )
    assert finding.cvss == 9.8


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("pkg:deb/debian/flawed@1.3-9?epoch=2", "pkg:deb/debian/flawed@2%3A1.3-9?arch=amd64"),
        ("pkg:rpm/redhat/bash@5.1-6.el9?arch=x86_64", "pkg:rpm/rhel/bash@5.1-6.el9"),
        ("pkg:npm/%40a/b@1", "pkg:npm/@a/b@1"),
        ("pkg:golang/stdlib@v1.22.1", "pkg:golang/stdlib@1.22.1"),
        ("pkg:pypi/flawed-wheel@0.1", "pkg:pypi/Flawed_Wheel@0.1"),
    ],
)
def test_packages_are_the_same_however_they_are_written(ours: str, theirs: str) -> None:
    assert package_key(ours, "a", "1") == package_key(theirs, "b", "2")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("pkg:deb/debian/curl@8", "pkg:rpm/debian/curl@8"),
        ("pkg:maven/a/x@1", "pkg:maven/b/x@1"),
        ("pkg:npm/x@1", "pkg:npm/x@2"),
    ],
)
def test_and_others_are_not(ours: str, theirs: str) -> None:
    assert package_key(ours, "a", "1") != package_key(theirs, "a", "1")


def judged(finding: Finding, **gate: Any) -> Effect:
    (one,) = judge_findings([finding], VulnerabilityGate(fail_on=(Severity.CRITICAL,), **gate), TODAY)
    return one.effect


def test_a_policy_may_name_a_finding_by_any_of_its_ids() -> None:
    (finding,) = join(trivy(vulnerability()), match("GHSA-aaaa-bbbb-cccc", related=["CVE-2099-1"]))
    assert judged(finding) is Effect.CLOSES
    for id in ("CVE-2099-1", "GHSA-aaaa-bbbb-cccc"):
        ignore = Ignore(id, "a", "b", date(2027, 1, 1))
        assert judged(finding, ignore=(ignore,)) is Effect.IGNORED
        vex = read_vex(
            json.dumps(OPENVEX | {"statements": [STATEMENT | {"vulnerability": {"name": id}}]}).encode(),
            "vex.json",
        )
        assert judged(finding, vex=(vex,)) is Effect.VEX
    (low,) = join(trivy(), match("GHSA-aaaa-bbbb-cccc", "Low", related=["CVE-2099-1"]))
    assert judged(low) is Effect.PASSES
    known = KnownExploited("kev.json", Digest.of(b""), ids=frozenset({"GHSA-aaaa-bbbb-cccc"}))
    assert judged(low, known_exploited=(known,)) is Effect.CLOSES


@pytest.mark.parametrize(
    ("log", "alone", "more", "expected"),
    [
        ("", False, {}, ("debian 12.5", False)),
        ("", True, {}, ("debian 12", False)),
        ("DEBUG no OS found in the DB for the given criteria os=[x]", False, {}, ("", False)),
        ("WARN Unable to determine the OS distribution of some packages. This may", True, {}, ("", False)),
        ("", True, {"alertsByPackage": [{"alerts": [{"type": "distro-eol"}]}]}, ("debian 12", True)),
    ],
)
def test_the_distribution_is_known_only_if_every_scanner_has_data_for_it(
    log: str, alone: bool, more: Any, expected: tuple[str, bool]
) -> None:
    scan = trivy_scan(joined(trivy(), read_grype(grype(**more), log), alone=alone), TRIVY)
    assert (scan.distribution, scan.ended) == expected


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "is not JSON"),
        (grype(match())[:-40], "is not JSON"),
        (b"[]", "is not an object"),
        (b"{}", "not a report"),
        (b'{"descriptor":{"name":"trivy"},"matches":[]}', "not a report"),
        (b'{"descriptor":{"name":"grype"},"matches":{}}', "a list is expected"),
        (grype({"artifact": {}}), "lacks 'vulnerability'"),
        (grype(match("")), "id is empty"),
        (grype(match(severity="Hihg")), "is not a severity"),
        (grype(match(artifact={"version": 1})), "text"),
    ],
)
def test_what_is_no_report_is_an_error(raw: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_grype(raw)


def test_the_gate_wants_every_scanner_of_the_policy() -> None:
    scan = trivy_scan(trivy(), TRIVY)
    for scanner, missing in (("trivy", ()), ("grype", ("grype",)), ("both", ("grype",))):
        found = judge_vulnerabilities(scan, VulnerabilityGate(scanner=scanner), TODAY, VexEvidence())
        assert tuple(text.split()[0] for text in found.unexamined) == missing
