"""Hadolint's report, and what closes the lint gate."""

from __future__ import annotations

import json

import pytest

from pipeline.model import LintGate, LintLevel
from pipeline.policy.lint import LintFinding, closing, hadolint_findings

DL3007 = {"code": "DL3007", "column": 1, "file": "a", "level": "warning", "line": 1, "message": "Pin it"}


def _finding(rule: str, level: LintLevel) -> LintFinding:
    return LintFinding(1, rule, level, "text")


def test_findings_by_file_and_line() -> None:
    later = DL3007 | {"line": 9, "code": "DL3000", "level": "error"}
    other = DL3007 | {"file": "b"}
    assert hadolint_findings(json.dumps([later, DL3007, other]).encode()) == {
        "a": (
            LintFinding(1, "DL3007", LintLevel.WARNING, "Pin it"),
            LintFinding(9, "DL3000", LintLevel.ERROR, "Pin it"),
        ),
        "b": (LintFinding(1, "DL3007", LintLevel.WARNING, "Pin it"),),
    }


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"{}",
        b"[1]",
        b'"x"',
        b"[" * 100_000,
        json.dumps([DL3007 | {"level": "fatal"}]).encode(),
        json.dumps([DL3007 | {"line": "1"}]).encode(),
        json.dumps([{k: v for k, v in DL3007.items() if k != "code"}]).encode(),
    ],
)
def test_anything_else_is_refused(report: bytes) -> None:
    with pytest.raises(ValueError):
        hadolint_findings(report)


@pytest.mark.parametrize(
    ("gate", "rules"),
    [
        (LintGate(), []),
        (LintGate(LintLevel.ERROR), ["E1"]),
        (LintGate(LintLevel.WARNING), ["E1", "W1"]),
        (LintGate(LintLevel.STYLE), ["E1", "W1", "I1", "S1"]),
        (LintGate(LintLevel.WARNING, ignore=("E1",)), ["W1"]),
    ],
)
def test_a_gate_closes_at_its_level_and_above(gate: LintGate, rules: list[str]) -> None:
    findings = [
        _finding("E1", LintLevel.ERROR),
        _finding("W1", LintLevel.WARNING),
        _finding("I1", LintLevel.INFO),
        _finding("S1", LintLevel.STYLE),
    ]
    assert [finding.rule for finding in closing(findings, gate)] == rules
