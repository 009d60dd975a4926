"""JUnit's XML, as GitLab, Jenkins and GitHub's actions read it: a suite of gates for each target, one of its tests."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.policy import GateState, Verdict
from pipeline.util.dataclass import dataclass

from .counts import data_of, plural
from .escape import xml
from .values import Report, TargetReport

_MAX_REASONS = 1000


@dataclass(frozen=True, slots=True)
class _Case:
    """One test case; `outcome` is `failure`, `error` or `skipped` with its message, else empty."""

    name: str
    outcome: str = ""
    message: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Suite:
    name: str
    target: TargetReport
    cases: tuple[_Case, ...]
    seconds: float = 0.0

    def count(self, outcome: str) -> int:
        return sum(case.outcome == outcome for case in self.cases)


def junit(report: Report) -> str:
    """The file."""
    suites = [suite for target in report.targets for suite in _suites(target)]
    totals = {name: sum(suite.count(name) for suite in suites) for name in ("failure", "error", "skipped")}
    head = (
        f'<testsuites name="{xml(report.project)}" tests="{sum(len(s.cases) for s in suites)}"'
        f' failures="{totals["failure"]}" errors="{totals["error"]}" skipped="{totals["skipped"]}"'
        f' time="{report.seconds:.3f}">\n'
    )
    body = "".join(part for suite in suites for part in _suite(report, suite))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{body}</testsuites>\n'


def _suites(target: TargetReport) -> Iterator[_Suite]:
    gates = [_stage(target), *map(_gate, target.verdicts)]
    yield _Suite(target.id, target, tuple(gates), target.seconds)
    tests = target.evidence.tests if target.evidence else None
    if tests and tests.cases:
        cases = (
            _Case(case.name, *(() if case.passed else ("failure", "failed", case.detail)))
            for case in tests.cases
        )
        yield _Suite(f"{target.id} structure tests", target, tuple(cases))


def _stage(target: TargetReport) -> _Case:
    """Whether there is an image to judge at all."""
    if target.fault:
        text = "\n".join(filter(None, (target.fault.message, target.fault.detail, target.fault.hint)))
        return _Case("image", "error", target.fault.message, text)
    if target.status == "aborted":
        return _Case("image", "skipped", target.reason)
    return _Case("image")


def _gate(verdict: Verdict) -> _Case:
    name = f"gate {verdict.gate}"
    if verdict.passed:
        return _Case(name, text="\n".join(verdict.notes[:_MAX_REASONS]))
    reasons = list(verdict.reasons[:_MAX_REASONS])
    if len(verdict.reasons) > _MAX_REASONS:
        reasons.append(f"and {len(verdict.reasons) - _MAX_REASONS} more")
    if verdict.hint:
        reasons.append(f"to open it: {verdict.hint}")
    first = reasons[0].partition("\n")[0] if reasons else "closed"
    outcome = "error" if verdict.state is GateState.NOT_EXAMINED else "failure"
    return _Case(
        name, outcome, f"{plural(len(verdict.reasons), 'reason')}, first: {first}", "\n".join(reasons)
    )


def _suite(report: Report, suite: _Suite) -> Iterator[str]:
    counts = f'tests="{len(suite.cases)}" failures="{suite.count("failure")}" errors="{suite.count("error")}"'
    yield (
        f'  <testsuite name="{xml(suite.name)}" {counts} skipped="{suite.count("skipped")}"'
        f' timestamp="{xml(report.made[:19])}" time="{suite.seconds:.3f}">\n'
    )
    yield "    <properties>\n"
    for name, value in _properties(report, suite.target):
        yield f'      <property name="{xml(name)}" value="{xml(value)}"/>\n'
    yield "    </properties>\n"
    for case in suite.cases:
        yield from _case(suite, case)
    yield "  </testsuite>\n"


def _properties(report: Report, target: TargetReport) -> Iterator[tuple[str, str]]:
    values = {
        "image": target.name,
        "platform": target.platform,
        "digest": target.digest,
        "reference": target.reference,
    }
    yield from ((name, value) for name, value in values.items() if value)
    for stage, tool in target.tools:
        yield f"tool.{stage}", data_of(report, tool)


def _case(suite: _Suite, case: _Case) -> Iterator[str]:
    opening = f'    <testcase name="{xml(case.name)}" classname="{xml(suite.target.id)}"'
    if case.outcome == "skipped":
        yield f'{opening}>\n      <skipped message="{xml(case.message, 1000)}"/>\n    </testcase>\n'
    elif case.outcome:
        message = f'message="{xml(case.message, 1000)}" type="{case.outcome}"'
        yield f"{opening}>\n      <{case.outcome} {message}>{xml(case.text)}</{case.outcome}>\n    </testcase>\n"
    elif case.text:
        yield f"{opening}>\n      <system-out>{xml(case.text)}</system-out>\n    </testcase>\n"
    else:
        yield f"{opening}/>\n"
