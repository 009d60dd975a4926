"""Reports for tests: one of everything, and one whose every text is hostile."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from pipeline.model import Gates, Ignore, Severity, VulnerabilityGate
from pipeline.policy import (
    Evidence,
    Finding,
    Inventory,
    LeakedSecret,
    Scan,
    TestCase,
    TestReport,
    Tool,
    judge,
    judge_findings,
)
from pipeline.policy.scan_details import FindingDetails, ImageLayer, PackagePlace, ScanDetails, key_of
from pipeline.report.values import FileLine, ImageReport, Report, ReportedFault, TargetReport, reported

DAY = date(2026, 11, 26)
MADE = "2026-11-26T09:00:00Z"
DIGEST = "sha256:" + "a1b2c3d4" * 8
TRIVY = Tool("trivy", "0.74.0", "2026-11-01T00:00:00Z", "sha256:" + "d" * 64)
LAYERS = (
    ImageLayer("sha256:" + "1" * 64, "base"),
    ImageLayer("sha256:" + "2" * 64, "RUN /bin/sh -c apt-get install -y curl # buildkit"),
)
CURL = Finding("CVE-2099-0001", "curl", "7.88.1-10", "7.88.1-11", Severity.HIGH, "curl: a flaw")
LIBRARY = Finding("CVE-2099-0004", "org.example:log", "2.0", "", Severity.MEDIUM, "log: another flaw")
OLD = Finding("CVE-2099-0002", "perl-base", "5.36.0", "5.37", Severity.CRITICAL)
GATE = VulnerabilityGate(ignore=(Ignore(OLD.id, "platform-team", "not reachable", date(2026, 12, 31)),))
GATES = Gates(GATE)
DETAILS = {
    key_of(CURL): FindingDetails(
        (PackagePlace("", 2),),
        "debian",
        True,
        "pkg:deb/debian/curl@7.88.1-10",
        "2026-10-19",
        "https://avd.example.org/nvd/cve-2099-0001",
        "It is possible to <script>.",
        8.1,
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N",
    ),
    key_of(LIBRARY): FindingDetails(
        (PackagePlace("opt/app/log.jar", 2),), "jar", False, "pkg:maven/org.example/log@2.0"
    ),
    key_of(OLD): FindingDetails((PackagePlace("", 1),), "debian", True, "", "2026-09-01"),
}
SCAN = ScanDetails("2026-11-26T08:05:12.33Z", "debian 12.5", LAYERS, (), DETAILS)
LOCATIONS = {1: FileLine("images/app/Dockerfile.tmpl", 1), 2: FileLine("images/app/Dockerfile.tmpl", 3)}


def examined(*findings: Finding, gates: Gates = GATES, scan: ScanDetails = SCAN) -> TargetReport:
    """A target with this evidence, judged."""
    evidence = Evidence(
        31_700_000,
        Inventory(Tool("syft", "1.33.0"), 91, {}),
        Scan(TRIVY, findings, (LeakedSecret("github-pat", "/etc/token", Severity.CRITICAL),)),
        TestReport(
            Tool("container-structure-test", "1.19.3"),
            (
                TestCase("says hello", True),
                TestCase("says good bye", False, "expected: good bye\nstdout: hello"),
            ),
        ),
    )
    return TargetReport(
        "app/1.0.0/linux-amd64",
        "app",
        "1.0.0",
        "linux/amd64",
        "closed",
        "gate closed: vulnerabilities, secrets, tests",
        DIGEST,
        "registry.example.org/dev/app",
        f"registry.example.org/dev/app@{DIGEST}",
        4.25,
        evidence,
        judge(evidence, gates, DAY),
        tuple(
            reported(judged, scan, "2026-11-02" if judged.finding is CURL else "", LOCATIONS)
            for judged in judge_findings(findings, gates.vulnerabilities, DAY)
        ),
        LOCATIONS[1],
        scan,
    )


APP = examined(CURL, LIBRARY, OLD)
FAILED = TargetReport(
    "other/1.0.0/linux-amd64",
    "other",
    "1.0.0",
    "linux/amd64",
    "failed",
    fault=ReportedFault("other/1.0.0/linux-amd64", "RUN make failed", "make: no rule", "lockage build other"),
    location=FileLine("images/other/Dockerfile.tmpl", 1),
)
ABORTED = replace(
    FAILED,
    id="above/1.0.0/linux-amd64",
    image="above",
    status="aborted",
    reason="its base failed",
    fault=None,
)
REPORT = Report(
    "demo",
    "run",
    "0.1.0",
    MADE,
    DAY,
    "c" * 40,
    7,
    85.5,
    (APP, FAILED, ABORTED),
    (ImageReport("app:1.0.0", "built", "", f"registry.example.org/dev/app@{DIGEST}", True, ("prod/app:1",)),),
)


def unexamined() -> Report:
    """The same report, of a scan and tests that did not see everything."""
    assert APP.evidence and APP.evidence.scan and APP.evidence.tests
    evidence = replace(
        APP.evidence,
        scan=replace(APP.evidence.scan, findings=(), unexamined=("a jar cannot be read",)),
        tests=replace(APP.evidence.tests, unexamined=("the report ends early",)),
    )
    target = replace(APP, evidence=evidence, findings=(), verdicts=judge(evidence, GATES, DAY))
    return replace(REPORT, targets=(target,))


HOSTILE = (
    "<script>alert(1)</script>\"'`|*_[x](javascript:alert)]]>&amp;@team #1 $x$ https://evil.example "
    "\x1b[2J\x00\x9b\r\n::error::x\n##[warning]y\u202e\ud800\ufffe section_start:1:x"
)


def hostile(text: str = HOSTILE) -> Report:
    """The same report, with a hostile text wherever one may come from outside."""
    finding = Finding(text, text, text, text, Severity.HIGH, text)
    system = FindingDetails((PackagePlace(text, 2),), text, True, text, "", "", text, 5.0, text)
    entry = Ignore(OLD.id, text, text, date(2026, 12, 31))
    findings = (finding, replace(finding, package="library"), OLD)
    scan = ScanDetails(
        text,
        text,
        (LAYERS[0], ImageLayer(text, text)),
        (),
        {key_of(f): replace(system, system=f is findings[0]) for f in findings},
    )
    gates = Gates(VulnerabilityGate(ignore=(entry,)))
    made = examined(*findings, gates=gates, scan=scan)
    assert made.evidence and made.evidence.scan
    evidence = replace(
        made.evidence,
        scan=Scan(replace(TRIVY, version=text), findings, (LeakedSecret(text, text, Severity.HIGH),)),
        tests=TestReport(Tool("cst", text), (TestCase(text, False, text),)),
    )
    target = replace(
        made,
        evidence=evidence,
        verdicts=judge(evidence, gates, DAY),
        reason=text,
        reference=text,
        repository=text,
    )
    fault = ReportedFault("other", text, text, text)
    return replace(
        REPORT,
        revision=text,
        targets=(target, replace(FAILED, fault=fault), replace(ABORTED, reason=text)),
        images=(replace(REPORT.images[0], reference=text, tags=(text,)),),
    )
