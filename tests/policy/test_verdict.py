"""Verdicts: the same evidence, gates and day always give the same result."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import (
    Gates,
    Ignore,
    LintGate,
    LintLevel,
    SecretGate,
    Severity,
    SizeGate,
    VulnerabilityGate,
)
from pipeline.policy import (
    Evidence,
    Finding,
    GateState,
    Inventory,
    JavaData,
    LeakedSecret,
    LintFinding,
    LintReport,
    Scan,
    TestCase,
    TestReport,
    Tool,
    judge,
    severity_counts,
)

TODAY = date(2026, 11, 21)
TOOL = Tool("trivy", "0.74.0", "2026-11-01", "sha256:" + "0" * 64)


def finding(severity: Severity = Severity.HIGH, package: str = "curl", id: str = "CVE-2099-0001") -> Finding:
    return Finding(id, package, "1.0", "1.1", severity)


def scanned(*findings: Finding, secrets: tuple[LeakedSecret, ...] = ()) -> Evidence:
    return Evidence(1000, scan=Scan(TOOL, findings, secrets))


def closed(evidence: Evidence, gates: Gates, today: date = TODAY) -> list[str]:
    return [v.gate for v in judge(evidence, gates, today) if not v.passed]


@pytest.mark.parametrize("severity", list(Severity))
def test_only_the_severities_that_were_named_close(severity: Severity) -> None:
    closes = severity in (Severity.HIGH, Severity.CRITICAL)
    assert closed(scanned(finding(severity)), Gates()) == (["vulnerabilities"] if closes else [])


def test_an_ignore_holds_through_its_last_day() -> None:
    gates = Gates(VulnerabilityGate(ignore=(Ignore("CVE-2099-0001", "me", "why", TODAY),)))
    assert closed(scanned(finding()), gates) == []
    assert closed(scanned(finding()), gates, TODAY + timedelta(days=1)) == ["vulnerabilities"]
    (verdict, _) = judge(scanned(finding()), gates, TODAY + timedelta(days=1))
    assert "the ignore of me expired on 2026-11-21" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("entry", "opens"),
    [
        (Ignore("CVE-2099-0001", "o", "r", TODAY, "curl"), True),
        (Ignore("CVE-2099-0001", "o", "r", TODAY, "wget"), False),
        (Ignore("CVE-2099-0002", "o", "r", TODAY), False),
    ],
)
def test_an_ignore_covers_what_it_names(entry: Ignore, opens: bool) -> None:
    assert (closed(scanned(finding()), Gates(VulnerabilityGate(ignore=(entry,)))) == []) is opens


def test_secrets_close_or_warn() -> None:
    evidence = scanned(secrets=(LeakedSecret("github-pat", "/etc/token", Severity.CRITICAL),))
    assert closed(evidence, Gates()) == ["secrets"]
    noted = judge(evidence, Gates(secrets=SecretGate(())), TODAY)[1]
    assert noted.passed and noted.notes == ("github-pat in /etc/token",)


def test_size_tests_and_an_empty_bill_of_materials() -> None:
    evidence = Evidence(
        1001,
        inventory=Inventory(TOOL, 0, {}, "debian"),
        tests=TestReport(TOOL, (TestCase("a", True), TestCase("b", False, "seen: x"))),
    )
    assert closed(evidence, Gates(size=SizeGate(1000))) == ["sbom", "tests", "size"]
    assert closed(evidence, Gates(size=SizeGate(1001))) == ["sbom", "tests"]


@pytest.mark.parametrize(
    ("packages", "distribution", "distributed", "passes"),
    [
        (0, "", 0, True),  # FROM scratch with a static program
        (0, "buildroot", 0, True),
        (3, "", 0, True),  # a Go program, whose modules are listed
        (91, "debian", 91, True),
        (0, "debian", 0, False),
        (2, "debian", 0, False),  # programs that syft knows by their bytes, and no package database
        (2, "alpine", 0, False),
    ],
)
def test_no_package_is_right_where_there_is_no_distribution(
    packages: int, distribution: str, distributed: int, passes: bool
) -> None:
    inventory = Inventory(TOOL, packages, {}, distribution, "", distributed)
    (verdict,) = judge(Evidence(1, inventory=inventory), Gates(), TODAY)
    assert verdict.passed is passes and bool(verdict.notes) is (passes and not packages)
    assert passes or distribution in verdict.reasons[0]


def test_no_evidence_no_verdict() -> None:
    assert judge(Evidence(1), Gates(), TODAY) == ()


def test_what_was_not_examined_closes_and_has_a_state_of_its_own() -> None:
    evidence = Evidence(
        1,
        Inventory(TOOL, 0, {}, unexamined=("the report cannot be read: syft: not JSON",)),
        Scan(TOOL, (), (), unexamined=("the jars",)),
        TestReport(TOOL, (TestCase("a", True),), ("the report has 1 cases, the test file 2",)),
    )
    verdicts = judge(evidence, Gates(secrets=SecretGate(())), TODAY)
    assert [v.state for v in verdicts] == [GateState.NOT_EXAMINED] * 4
    assert not any(v.passed for v in verdicts)
    assert verdicts[0].reasons == ("the jars",)
    assert verdicts[0].to_json()["state"] == "not examined"


def test_what_was_found_weighs_more_than_what_was_not_examined() -> None:
    evidence = Evidence(1, scan=Scan(TOOL, (finding(),), (), unexamined=("the jars",)))
    found, secrets = judge(evidence, Gates(), TODAY)
    assert (found.state, secrets.state) == (GateState.CLOSED, GateState.NOT_EXAMINED)
    assert found.reasons[1] == "not examined: the jars"


def test_a_report_without_a_case_has_examined_nothing() -> None:
    (verdict,) = judge(Evidence(1, tests=TestReport(TOOL, ())), Gates(), TODAY)
    assert (verdict.state, verdict.reasons) == (GateState.NOT_EXAMINED, ("the report has no case",))


def test_findings_that_nobody_has_weighed_yet_are_noted() -> None:
    unrated = [finding(Severity.UNKNOWN, id=f"CVE-{number}") for number in range(7)]
    verdict, _ = judge(scanned(*unrated), Gates(), TODAY)
    assert verdict.passed
    assert verdict.notes == (
        "7 findings without a severity: CVE-0, CVE-1, CVE-2, CVE-3, CVE-4, …; UNKNOWN in fail_on closes on them",
    )
    assert closed(scanned(*unrated), Gates(VulnerabilityGate((Severity.UNKNOWN,)))) == ["vulnerabilities"]


@pytest.mark.parametrize("severity", ["", "SEVERE", "Negligible", "CRITICAL!", "5"])
def test_evidence_of_an_unknown_severity_is_refused(severity: str) -> None:
    data = json.loads(json.dumps(scanned(finding()).to_json()))
    data["scan"]["findings"][0]["severity"] = severity
    with pytest.raises(ValueError, match="is not a severity"):
        Evidence.from_json(data)


def test_complete_evidence_is_written_as_ever() -> None:
    assert "unexamined" not in json.dumps(scanned(finding()).to_json())


names = st.text("abcdefgh-:.0123456789é\n", max_size=12)
tools = st.builds(Tool, names, names, st.none() | names, st.none() | names)
findings = st.builds(Finding, names, names, names, names, st.sampled_from(Severity), names)
evidence = st.builds(
    Evidence,
    st.integers(0, 2**50),
    st.none()
    | st.builds(
        Inventory,
        tools,
        st.integers(0, 9999),
        st.dictionaries(names, names, max_size=3),
        names,
        names,
        st.integers(0, 9999),
        st.tuples(names),
    ),
    st.none()
    | st.builds(
        Scan,
        tools,
        st.lists(findings, max_size=4).map(tuple),
        st.lists(st.builds(LeakedSecret, names, names, st.sampled_from(Severity)), max_size=2).map(tuple),
    ),
    st.none()
    | st.builds(TestReport, tools, st.lists(st.builds(TestCase, names, st.booleans(), names)).map(tuple)),
)


@given(evidence)
def test_evidence_reads_back(value: Evidence) -> None:
    assert Evidence.from_json(value.to_json()) == value


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda x: st.dictionaries(names, x, max_size=3)
    )
)
def test_anything_else_is_refused_as_evidence(value: object) -> None:
    if isinstance(value, dict):
        with pytest.raises(ValueError):
            Evidence.from_json(value)


@given(st.lists(findings, max_size=6), st.lists(findings, max_size=6))
def test_more_findings_never_open_a_gate(some: list[Finding], more: list[Finding]) -> None:
    if closed(scanned(*some), Gates()):
        assert closed(scanned(*some, *more), Gates())


def test_what_no_version_fixes_is_only_noted_where_the_policy_says_so() -> None:
    open_ended = replace(finding(), fixed="")
    assert closed(scanned(open_ended), Gates()) == ["vulnerabilities"]
    lenient = Gates(VulnerabilityGate(unfixed="warn"))
    (verdict, *_) = judge(scanned(open_ended), lenient, date(2026, 1, 1))
    assert verdict.passed and "no fix yet" in verdict.notes[0]
    assert closed(scanned(finding()), lenient) == ["vulnerabilities"]


def test_findings_are_counted_by_rank_and_not_by_name() -> None:
    scan = scanned(*(finding(severity) for severity in Severity), finding(Severity.LOW)).scan
    assert list(severity_counts(scan).items()) == [
        ("CRITICAL", 1),
        ("HIGH", 1),
        ("MEDIUM", 1),
        ("LOW", 2),
        ("UNKNOWN", 1),
    ]
    assert severity_counts(None) == {}


@pytest.mark.parametrize(
    ("data", "java", "gate", "state", "text"),
    [
        ("2026-11-20T04:00:00Z", None, VulnerabilityGate(), "passed", None),
        ("2026-11-20T04:00:00Z", None, VulnerabilityGate(max_age=7), "passed", None),
        (
            "2026-11-12T00:00:00Z",
            None,
            VulnerabilityGate(max_age=7),
            "closed",
            "vulnerability data is 8 days old, 1",
        ),
        ("2026-11-12T00:00:00Z", None, VulnerabilityGate(max_age=7, stale="warn"), "passed", "is 8 days old"),
        ("", None, VulnerabilityGate(max_age=7), "closed", "does not say how old"),
        ("long ago", None, VulnerabilityGate(max_age=7), "closed", "does not say how old"),
        (
            "2026-11-20",
            JavaData("d", "2026-01-01"),
            VulnerabilityGate(max_age=7),
            "closed",
            "the Java data is 323",
        ),
        ("2026-11-20", JavaData(), VulnerabilityGate(), "not examined", "Java archives"),
        (
            "2026-11-20",
            JavaData(),
            VulnerabilityGate(unexamined="warn"),
            "passed",
            "not examined: Java archives",
        ),
    ],
)
def test_data_has_an_age_and_may_be_missing(
    data: str, java: JavaData | None, gate: VulnerabilityGate, state: str, text: str | None
) -> None:
    scan = Scan(Tool("trivy", "1", data), (), (), java)
    found = judge(Evidence(1, scan=scan), Gates(gate), date(2026, 11, 20))[0]
    assert found.state == state
    messages = (*found.reasons, *found.notes)
    assert (text is None and not messages) or (text is not None and any(text in line for line in messages))


def test_linters_close_their_gate_from_its_level_on() -> None:
    findings = (
        LintFinding(2, "DL3003", LintLevel.WARNING, "Use WORKDIR"),
        LintFinding(3, "DL3059", LintLevel.INFO, "x"),
    )
    evidence = Evidence(1, lint=LintReport(Tool("hadolint", "2"), findings))
    assert judge(evidence, Gates(), TODAY) == ()
    (closed,) = judge(evidence, Gates(lint=LintGate(LintLevel.WARNING)), TODAY)
    assert closed.reasons == ("line 2 of the Dockerfile: DL3003 warning: Use WORKDIR",) and not closed.passed
    (ignored,) = judge(evidence, Gates(lint=LintGate(LintLevel.WARNING, ("DL3003",))), TODAY)
    assert ignored.passed and "2 findings" in ignored.notes[0]
    unread = Evidence(1, lint=LintReport(Tool("hadolint", "2"), (), ("the report cannot be read: x",)))
    (missed,) = judge(unread, Gates(lint=LintGate(LintLevel.ERROR)), TODAY)
    assert missed.state is GateState.NOT_EXAMINED
    assert Evidence.from_json(evidence.to_json()) == evidence
