"""Reports of the tester against the file that it ran."""

import json

import pytest

from pipeline.policy import TestReport, Tool
from pipeline.run.target.examination.examine import _tests

TOOL = Tool("container-structure-test", "1")


def _report(*passed: bool) -> bytes:
    results = [{"Name": f"case {n}", "Pass": good, "Duration": 1} for n, good in enumerate(passed)]
    counts = {"Pass": sum(passed), "Fail": len(passed) - sum(passed), "Total": len(passed)}
    return json.dumps({**counts, "Duration": 1, **({"Results": results} if results else {})}).encode()


def test_as_many_cases_as_the_file_has() -> None:
    report = _tests(_report(True, False, True), TOOL, 3)
    assert [case.passed for case in report.cases] == [True, False, True] and not report.unexamined


@pytest.mark.parametrize("report", [_report(True), _report()])
def test_fewer_cases_than_the_file_has_are_not_examined(report: bytes) -> None:
    (reason,) = _tests(report, TOOL, 2).unexamined
    assert reason.endswith("cases, the test file 2")


def test_a_report_that_cannot_be_read_is_not_examined() -> None:
    report = _tests(b"{}", TOOL, 2)
    assert report == TestReport(TOOL, (), report.unexamined) and "cannot be read" in report.unexamined[0]
