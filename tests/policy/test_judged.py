"""The effect of each finding on the vulnerability gate, and how many pass without a word."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Gates, Ignore, Severity, VulnerabilityGate
from pipeline.policy import Effect, Evidence, Finding, Scan, Tool, judge, judge_findings, unnoticed

TODAY = date(2026, 11, 21)
HIGH = Finding("CVE-1", "curl", "1", "2", Severity.HIGH)
IGNORE = Ignore("CVE-1", "me", "why", TODAY)


@pytest.mark.parametrize(
    ("finding", "gate", "effect"),
    [
        (HIGH, VulnerabilityGate(), Effect.CLOSES),
        (replace(HIGH, severity=Severity.LOW), VulnerabilityGate(), Effect.PASSES),
        (HIGH, VulnerabilityGate(ignore=(IGNORE,)), Effect.IGNORED),
        (HIGH, VulnerabilityGate(ignore=(replace(IGNORE, package="wget"),)), Effect.CLOSES),
        (HIGH, VulnerabilityGate(ignore=(replace(IGNORE, expires=TODAY - timedelta(1)),)), Effect.CLOSES),
        (replace(HIGH, fixed=""), VulnerabilityGate(unfixed="warn"), Effect.NOTED),
        (replace(HIGH, fixed=""), VulnerabilityGate(), Effect.CLOSES),
        (replace(HIGH, severity=Severity.UNKNOWN), VulnerabilityGate(), Effect.NOTED),
        (replace(HIGH, severity=Severity.UNKNOWN), VulnerabilityGate((Severity.UNKNOWN,)), Effect.CLOSES),
    ],
)
def test_effects(finding: Finding, gate: VulnerabilityGate, effect: Effect) -> None:
    (judged,) = judge_findings([finding], gate, TODAY)
    assert judged.effect is effect


def test_an_entry_that_expired_is_still_named() -> None:
    late = replace(IGNORE, expires=TODAY - timedelta(1))
    (judged,) = judge_findings([HIGH], VulnerabilityGate(ignore=(late,)), TODAY)
    assert judged.ignore == late


findings = st.builds(
    Finding,
    st.sampled_from(["CVE-1", "CVE-2"]),
    st.sampled_from(["curl", "wget"]),
    st.just("1"),
    st.sampled_from(["", "2"]),
    st.sampled_from(Severity),
)
ignores = st.builds(
    Ignore,
    st.sampled_from(["CVE-1", "CVE-2"]),
    st.just("me"),
    st.just("why"),
    st.sampled_from([TODAY, TODAY - timedelta(1)]),
    st.sampled_from([None, "curl", "wget"]),
)
gates = st.builds(
    VulnerabilityGate,
    st.lists(st.sampled_from(Severity), unique=True).map(tuple),
    st.lists(ignores, max_size=4).map(tuple),
    st.sampled_from(["fail", "warn"]),
)


@given(st.lists(findings, max_size=8), gates)
def test_the_verdict_is_the_sum_of_the_effects(found: list[Finding], gate: VulnerabilityGate) -> None:
    judged = judge_findings(found, gate, TODAY)
    effects = [one.effect for one in judged]
    evidence = Evidence(1, scan=Scan(Tool("trivy", "1"), tuple(found), ()))
    verdict = judge(evidence, Gates(gate), TODAY)[0]
    assert verdict.passed is (Effect.CLOSES not in effects)
    assert len(verdict.reasons) == effects.count(Effect.CLOSES)
    unrated = any(f.severity is Severity.UNKNOWN for f in found) and Severity.UNKNOWN not in gate.fail_on
    noted = [one for one in judged if one.effect is Effect.NOTED and one.finding.severity in gate.fail_on]
    assert len(verdict.notes) == effects.count(Effect.IGNORED) + len(noted) + unrated
    assert sum(unnoticed(found, gate).values()) == effects.count(Effect.PASSES)
