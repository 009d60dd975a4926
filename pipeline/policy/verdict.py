"""Gates: a verdict is a pure function of evidence, gates and the day it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal, Self

from pipeline.model import Gates, LintGate, VulnerabilityGate
from pipeline.model.vulnerability_gate import FailOrWarn

from .evidence import Evidence, Inventory, LintReport, Scan, TestReport
from .judged import Effect, JudgedFinding, judge_findings
from .lint import closing

_LISTED = 5  # ids in a note
Gate = Literal["vulnerabilities", "secrets", "sbom", "tests", "size", "lint"]


# Distributions by their id (os-release) that are made of packages: an image of one without any hides what it has.
_PACKAGED = {
    *("debian", "ubuntu", "alpine", "wolfi", "chainguard", "arch", "photon", "mariner", "azurelinux"),
    *("fedora", "rhel", "centos", "rocky", "almalinux", "ol", "amzn"),
    *("sles", "opensuse-leap", "opensuse-tumbleweed"),
}


class GateState(StrEnum):
    """Passed, closed by what was found, or closed because something could not be examined."""

    PASSED = "passed"
    CLOSED = "closed"
    NOT_EXAMINED = "not examined"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one gate: `reasons` close it, `notes` do not."""

    gate: Gate
    state: GateState
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        gate: Gate,
        reasons: Iterable[str] = (),
        *,
        unexamined: Iterable[str] = (),
        notes: Iterable[str] = (),
    ) -> Self:
        """Closed by any reason; else not examined if anything was not; else passed."""
        found, missed = tuple(reasons), tuple(unexamined)
        if found:
            missed = tuple(f"not examined: {reason}" for reason in missed)
        state = GateState.CLOSED if found else GateState.NOT_EXAMINED if missed else GateState.PASSED
        return cls(gate, state, (*found, *missed), tuple(notes))

    @property
    def passed(self) -> bool:
        """Whether the gate is open."""
        return self.state is GateState.PASSED

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {
            "gate": self.gate,
            "passed": self.passed,
            "state": str(self.state),
            "reasons": list(self.reasons),
            "notes": list(self.notes),
        }


def judge(evidence: Evidence, gates: Gates, today: date) -> tuple[Verdict, ...]:
    """A verdict of every gate that has evidence, in the order of the stages."""
    verdicts = []
    if evidence.scan:
        verdicts.append(_judge_vulnerabilities(evidence.scan, gates.vulnerabilities, today))
        verdicts.append(_judge_secrets(evidence.scan, gates.secrets))
    if evidence.inventory:
        verdicts.append(_judge_inventory(evidence.inventory))
    if evidence.tests:
        verdicts.append(_judge_tests(evidence.tests))
    if gates.size.max is not None:
        verdicts.append(_judge_size(evidence.size, gates.size.max))
    if evidence.lint and gates.lint.fail_on:
        verdicts.append(_judge_lint(evidence.lint, gates.lint))
    return tuple(verdicts)


def severity_counts(scan: Scan | None) -> dict[str, int]:
    """How many findings of each severity, highest first, zeroes left out."""
    counts = Counter(finding.severity for finding in scan.findings) if scan else Counter()
    return {str(s): counts[s] for s in sorted(counts, key=lambda s: s.rank, reverse=True)}


def _judge_vulnerabilities(scan: Scan, gate: VulnerabilityGate, today: date) -> Verdict:
    reasons: list[str] = []
    notes: list[str] = []
    unrated: list[str] = []
    for judged in judge_findings(scan.findings, gate, today):
        if judged.effect is Effect.CLOSES:
            reasons.append(_described(judged))
        elif judged.effect is Effect.NOTED and judged.finding.severity in gate.fail_on:
            notes.append(_described(judged))
        elif judged.effect is Effect.NOTED:
            unrated.append(judged.finding.id)
        elif judged.effect is Effect.IGNORED and (entry := judged.ignore):
            until = f"until {entry.expires} by {entry.owner}: {entry.reason}"
            notes.append(f"{judged.finding.id} in {judged.finding.package} ignored {until}")
    if unrated:
        listed = ", ".join(unrated[:_LISTED]) + (", …" if len(unrated) > _LISTED else "")
        notes.append(
            f"{len(unrated)} findings without a severity: {listed}; UNKNOWN in fail_on closes on them"
        )
    if aged := _aged(scan, gate, today):
        (reasons if gate.stale == "fail" else notes).append(aged)
    missed = scan.unexamined
    if scan.java and scan.java.digest is None:
        missed = (*missed, "Java archives: the scanner had no Java database (java_db in lockage.yml)")
    if gate.unexamined == "warn":
        notes += [f"not examined: {reason}" for reason in missed]
        missed = ()
    return Verdict.of("vulnerabilities", reasons, unexamined=missed, notes=notes)


def _aged(scan: Scan, gate: VulnerabilityGate, today: date) -> str | None:
    """What is wrong with the age of the data that a scan was made with; None if it is young enough."""
    if gate.max_age is None:
        return None
    data = {"the vulnerability data": scan.tool.data_date}
    if scan.java and scan.java.digest:
        data["the Java data"] = scan.java.date
    for name, moment in data.items():
        try:
            age = (today - date.fromisoformat((moment or "")[:10])).days
        except ValueError:
            return f"{name} does not say how old it is, and may be {gate.max_age} days old"
        if age > gate.max_age:
            return f"{name} is {age} days old, {age - gate.max_age} more than max_age allows"
    return None


def _described(judged: JudgedFinding) -> str:
    finding, entry = judged.finding, judged.ignore
    fix = f"fixed in {finding.fixed}" if finding.fixed else "no fix yet"
    expired = f"; the ignore of {entry.owner} expired on {entry.expires}" if entry else ""
    return f"{finding.id} {finding.severity} in {finding.package} {finding.version} ({fix}){expired}"


def _judge_secrets(scan: Scan, gate: FailOrWarn) -> Verdict:
    texts = [f"{secret.rule} in {secret.path}" for secret in scan.secrets]
    reasons, notes = (texts, []) if gate == "fail" else ([], texts)
    return Verdict.of("secrets", reasons, unexamined=scan.unexamined, notes=notes)


def _judge_inventory(inventory: Inventory) -> Verdict:
    reasons, notes = [], []
    if inventory.distribution in _PACKAGED and not inventory.distributed:
        reasons.append(f"no package of {inventory.distribution} was found: is its package database missing?")
    elif not inventory.packages and not inventory.unexamined:  # such as FROM scratch with a static program
        notes.append("no package was found")
    return Verdict.of("sbom", reasons, unexamined=inventory.unexamined, notes=notes)


def _judge_tests(report: TestReport) -> Verdict:
    failed = [f"{case.name}: {case.detail}".strip(": ") for case in report.cases if not case.passed]
    missed = report.unexamined or (() if report.cases else ("the report has no case",))
    return Verdict.of("tests", failed, unexamined=missed)


def _judge_lint(report: LintReport, gate: LintGate) -> Verdict:
    closes = closing(report.findings, gate)
    texts = [f"line {finding.line} of the Dockerfile: {finding}" for finding in closes]
    rest = len(report.findings) - len(closes)
    notes = [f"{rest} findings below the gate or ignored: lockage lint"] if rest else []
    return Verdict.of("lint", texts, unexamined=report.unexamined, notes=notes)


def _judge_size(size: int, limit: int) -> Verdict:
    text = f"{size} bytes compressed, {size - limit} more than the limit of {limit}"
    return Verdict.of("size", [text] if size > limit else [])
