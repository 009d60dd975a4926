"""What reports are made of comes from outside; each file that is written is still one of its format."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from pipeline.model import Gates
from pipeline.policy import Evidence, TestCase, TestReport, Tool, judge, judge_findings
from pipeline.policy.packages import cyclonedx_packages
from pipeline.policy.report_json import load_report
from pipeline.policy.reports import trivy_scan
from pipeline.policy.scan_details import scan_details
from pipeline.report.data import report_data, report_json
from pipeline.report.difference import ComparedLayer, ImageState, configuration_of, difference
from pipeline.report.difference_text import difference_lines, difference_markdown
from pipeline.report.files import report_files
from pipeline.report.html import page
from pipeline.report.jobs import merged, read_report
from pipeline.report.markdown import LIMIT, summary
from pipeline.report.values import FileLine, ImageReport, Report, ReportedFault, TargetReport, reported
from tests.fuzz.hostile import REFUSED, changed_json
from tests.fuzz.target import Target
from tests.report import sample
from tests.tools.ci.ci_logs import commands, hidden

_DAY = date(2026, 11, 26)
_TRIVY = {
    "SchemaVersion": 2,
    "CreatedAt": "2026-11-26T00:00:00Z",
    "Metadata": {
        "OS": {"Family": "debian", "Name": "12"},
        "DiffIDs": ["sha256:" + "1" * 64],
        "ImageConfig": {"history": [{"created_by": "RUN x"}]},
    },
    "Results": [
        {
            "Target": "app",
            "Class": "os-pkgs",
            "Type": "debian",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-2099-0001",
                    "PkgName": "curl",
                    "InstalledVersion": "1",
                    "FixedVersion": "2",
                    "Severity": "HIGH",
                    "Title": "T",
                    "Description": "D",
                    "PrimaryURL": "https://example.org/x",
                    "PublishedDate": "2026-10-19T00:00:00Z",
                    "Layer": {"DiffID": "sha256:" + "1" * 64},
                    "PkgPath": "usr/bin/x",
                    "CVSS": {"nvd": {"V3Score": 7.5, "V3Vector": "CVSS:3.1/AV:N"}},
                }
            ],
            "Secrets": [{"RuleID": "aws", "Severity": "CRITICAL"}],
        }
    ],
}
_SYFT = {
    "bomFormat": "CycloneDX",
    "components": [
        {
            "type": "library",
            "name": "a",
            "version": "1",
            "purl": "pkg:deb/a@1",
            "licenses": [{"license": {"id": "MIT"}}],
        }
    ],
}


def write_reports(content: bytes, folder: Path) -> None:
    """Every report of a target whose scan says this."""
    text = content.decode("utf-8", "replace")
    scan = trivy_scan(content, Tool("trivy", "1", "2026-11-01"))
    details = scan_details(content)
    evidence = Evidence(
        1, scan=scan, tests=TestReport(Tool("cst", text[:50]), (TestCase(text[:200], False, text),))
    )
    target = TargetReport(
        "app/1/linux-amd64",
        "app",
        "1",
        "linux/amd64",
        "closed",
        text[:500],
        evidence=evidence,
        verdicts=judge(evidence, Gates(), _DAY),
        findings=tuple(
            reported(finding, details, "", {1: FileLine("Dockerfile.tmpl", 3)})
            for finding in judge_findings(scan.findings, Gates().vulnerabilities, _DAY)
        ),
        scan=details,
        fault=ReportedFault("app", text[:500], text, text[:500]),
    )
    images = (ImageReport("app:1", "built", reference=text[:200], tags=(text[:50],)),)
    report = Report("demo", "run", "1", "2026-11-26T00:00:00Z", _DAY, targets=(target,), images=images)
    for name, written in report_files(report).items():
        shown = written.decode()
        assert not hidden(shown, but="\n\t"), name
        assert not commands(shown), name
        if name.endswith((".json", ".sarif")):
            json.loads(shown)
        elif name.endswith(".xml"):
            ElementTree.fromstring(shown)
        elif name.endswith(".html"):
            assert not _Tags(shown).found & {"script", "img", "a0", "iframe"}
        else:
            assert len(written) <= LIMIT and "<script" not in shown


def write_difference(content: bytes, folder: Path) -> None:
    """The difference of two images of which one has these packages."""
    packages = cyclonedx_packages(load_report(content, "syft"))
    empty = ImageState("a", "linux/amd64", (), {}, (), ())
    text = content.decode("utf-8", "replace")
    state = ImageState(
        text[:50], text[:20], (ComparedLayer("sha256:1", 1, text[:80]),), {"Env": [text]}, packages, ()
    )
    found = difference(empty, state)
    configuration_of(content)
    list(difference_lines(found))
    assert not hidden(difference_markdown(found), but="\n")


def merge_reports(content: bytes, folder: Path) -> None:
    """What a summary makes of a job's report that says this, beside another job's."""
    read = read_report(content)
    whole = merged([read, replace(read, targets=(), images=())])
    assert {target.id for target in whole.targets} == {target.id for target in read.targets}
    text = summary(whole)
    assert len(text.encode("utf-8", "backslashreplace")) <= LIMIT and "<script" not in text
    assert not hidden(text, but="\n")
    assert not commands(text)
    assert not _Tags(page(whole)).found & {"script", "img", "a0", "iframe"}
    written = report_json(whole)
    assert report_json(read_report(written.encode())) == written


class _Tags(HTMLParser):
    """The elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)


TARGETS = (
    Target(
        "report-files",
        changed_json([_TRIVY], ["Title", "PkgName", "PrimaryURL", "Description", "created_by"]),
        write_reports,
        errors=REFUSED,
        examples=60,
    ),
    Target(
        "difference",
        changed_json([_SYFT], ["licenses", "purl"]),
        write_difference,
        errors=REFUSED,
        examples=60,
    ),
    Target(
        "merged-reports",
        changed_json(
            [json.loads(json.dumps(report_data(sample.REPORT)))],
            ["title", "package", "url", "status", "reason", "digest", "gate", "first_seen", "message"],
        ),
        merge_reports,
        errors=REFUSED,
        examples=60,
    ),
)
