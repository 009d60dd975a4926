"""Verdicts as summaries: which are up to date, and what their policy is; results of tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.model import Digest, Repository
from pipeline.policy import TestCase, TestReport, Tool
from pipeline.provenance import Judged, is_current, policy_digest, result_predicate, summary_predicate
from pipeline.sbom import SbomSubject
from pipeline.util.json.canonical import compact

from .builds import plan

GATES = plan().targets[0].gates
STRICT = replace(GATES, tests="required")
INPUTS = (Digest.of(b"provenance"), Digest.of(b"findings"))
SUBJECT = SbomSubject("", Repository("r.example", "p/app"), "1.2.3", Digest.of(b"image"), None)
JUDGED = Judged(SUBJECT, [GATES], True, INPUTS)
SUMMARY = summary_predicate(JUDGED, "1", 1_800_000_000)


@pytest.mark.parametrize(
    "judged, current",
    [
        (JUDGED, True),
        (replace(JUDGED, inputs=INPUTS[::-1]), True),
        (replace(JUDGED, gates=[GATES, GATES]), True),
        (replace(JUDGED, passed=False), False),
        (replace(JUDGED, inputs=INPUTS[:1]), False),
        (replace(JUDGED, inputs=(*INPUTS, Digest.of(b"newer findings"))), False),
        (replace(JUDGED, gates=[STRICT]), False),
        (replace(JUDGED, gates=[GATES, STRICT]), False),
    ],
)
def test_a_summary_is_made_once_for_each_verdict(judged: Judged, current: bool) -> None:
    assert is_current(SUMMARY, judged) == current
    again = summary_predicate(judged, "2", 1_900_000_000)
    assert is_current(again, judged)


@pytest.mark.parametrize(
    "change",
    [
        {"policy": None},
        {"policy": {"digest": []}},
        {"inputAttestations": {}},
        {"inputAttestations": [{"digest": {}}]},
        {"inputAttestations": [7]},
        {"verificationResult": "FAILED"},
    ],
)
def test_what_says_something_else_is_not_current(change: dict[str, Any]) -> None:
    assert not is_current(SUMMARY | change, JUDGED)


def test_its_policy_is_the_plans() -> None:
    assert policy_digest([GATES]) == Digest.of(compact(plan().targets[0].to_json()["gates"]))
    assert policy_digest([GATES, STRICT]) == policy_digest([STRICT, GATES])


def test_a_closed_gate_verifies_no_level() -> None:
    closed = summary_predicate(replace(JUDGED, passed=False), "1", 0)
    assert (closed["verificationResult"], closed["verifiedLevels"]) == ("FAILED", ["FAILED"])


@pytest.mark.parametrize(
    "cases, unexamined, result",
    [
        ((TestCase("a", True),), (), "PASSED"),
        ((TestCase("a", True), TestCase("b", False)), (), "FAILED"),
        ((TestCase("a", True),), ("the report was cut off",), "FAILED"),
    ],
)
def test_results_of_tests(cases: tuple[TestCase, ...], unexamined: tuple[str, ...], result: str) -> None:
    predicate = result_predicate(TestReport(Tool("cst", "1"), cases, unexamined), Digest.of(b"tests"))
    assert predicate["result"] == result
    named = {case.name: case.passed for case in cases}
    assert [*predicate["passedTests"], *predicate["failedTests"]] == sorted(named, key=lambda n: not named[n])
