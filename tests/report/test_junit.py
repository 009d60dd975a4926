"""JUnit: counts that agree, gates and tests as cases, and XML whatever the texts are."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from pipeline.report.junit import junit
from pipeline.report.values import Report

from . import sample


@pytest.mark.parametrize("report", [sample.REPORT, sample.hostile()])
def test_the_counts_are_those_of_the_cases(report: Report) -> None:
    root = ElementTree.fromstring(junit(report))
    for element in (root, *root.iter("testsuite")):
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.get(name, "")) == sum(1 for _ in element.iter(tag))
        assert int(element.get("tests", "")) == sum(1 for _ in element.iter("testcase"))


def test_gates_and_structure_tests_are_suites() -> None:
    root = ElementTree.fromstring(junit(sample.REPORT))
    names = [suite.get("name") for suite in root]
    app = sample.APP.id
    assert names == [app, f"{app} structure tests", sample.FAILED.id, sample.ABORTED.id]
    failed = {
        case.get("name"): case.findtext("failure")
        for case in root.iter("testcase")
        if case.find("failure") is not None
    }
    assert "CVE-2099-0001 HIGH in curl" in (failed["gate vulnerabilities"] or "")
    assert "stdout: hello" in (failed["says good bye"] or "")
    properties = {p.get("name"): p.get("value") for p in next(iter(root)).iter("property")}
    assert properties["digest"] == sample.DIGEST
    assert properties["tool.scan"] == "trivy 0.74.0, data of 2026-11-01 (25 days old)"


def test_what_failed_is_an_error_and_what_was_aborted_is_skipped() -> None:
    root = ElementTree.fromstring(junit(sample.REPORT))
    assert next(root.iter("error")).get("message") == "RUN make failed"
    assert next(root.iter("skipped")).get("message") == "its base failed"


def test_hostile_texts_stay_texts() -> None:
    text = junit(sample.hostile())
    assert "\x1b" not in text and "<script" not in text and "##[" not in text
    case = next(c for c in ElementTree.fromstring(text).iter("testcase") if "alert" in str(c.get("name")))
    assert str(case.get("name")).startswith("<script>alert(1)</script>\"'`|")
