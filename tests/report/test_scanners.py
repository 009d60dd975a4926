"""Reports of an image that two scanners looked at: who reported a finding, its other ids, and the data of both."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest

from pipeline.policy import Tool
from pipeline.report.files import report_files
from pipeline.report.schema import report_schema
from pipeline.report.values import Report, TargetReport

from . import sample
from .test_gitlab import WRITERS, read

GRYPE = Tool("grype", "0.121.3", "2026-11-20T06:00:00Z", "sha256:" + "2" * 64)


def by_both(alias: str) -> TargetReport:
    """A target with one finding of both scanners, which has another id."""
    target = sample.examined(replace(sample.CURL, scanners=("grype", "trivy"), aliases=(alias,)))
    assert target.evidence and target.evidence.scan
    scan = replace(target.evidence.scan, beside=(GRYPE,))
    return replace(target, evidence=replace(target.evidence, scan=scan))


def report(alias: str = "GHSA-aaaa-bbbb-cccc") -> Report:
    return replace(sample.REPORT, targets=(by_both(alias),))


def texts(of: Report) -> dict[str, str]:
    """The files of a report."""
    return {name: content.decode() for name, content in report_files(of).items()}


def test_every_report_names_both_scanners_and_their_data() -> None:
    for name, text in texts(report()).items():
        assert "grype 0.121.3, data of 2026-11-20" in text or '"grype"' in text, name


def test_who_reported_it_and_its_other_ids() -> None:
    files = texts(report())
    (finding,) = json.loads(files["report.json"])["targets"][0]["findings"]
    assert (finding["scanners"], finding["aliases"]) == (["grype", "trivy"], ["GHSA-aaaa-bbbb-cccc"])
    assert "GHSA-aaaa-bbbb-cccc, by grype and trivy" in files["index.html"]
    assert "reported by grype and trivy" in files["junit.xml"]
    header, row = (
        line for line in files["summary.md"].splitlines() if line.startswith(("| severity", "| high"))
    )
    assert header.endswith("| target | reported by |") and row.endswith("| grype, trivy |")
    assert "reported by" not in texts(sample.REPORT)["summary.md"]
    (vulnerability,) = read("container_scanning", report())["vulnerabilities"]
    assert [(i["type"], i["name"]) for i in vulnerability["identifiers"]] == [
        ("cve", "CVE-2099-0001"),
        ("ghsa", "GHSA-aaaa-bbbb-cccc"),
    ]
    assert vulnerability["details"]["scanners"]["value"] == "grype, trivy"


@pytest.mark.parametrize("alias", ["GHSA-aaaa-bbbb-cccc", sample.HOSTILE])
def test_valid(alias: str) -> None:
    for kind in WRITERS:
        read(kind, report(alias))
    files = texts(report(alias))
    jsonschema.validate(json.loads(files["report.json"]), report_schema())
    assert not [name for name, text in files.items() if "\x1b" in text or "##[" in text]
    assert "<script>" not in files["index.html"]
