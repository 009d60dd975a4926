"""Gates: a verdict is a pure function of evidence, gates and the day it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Literal, Self, get_args

from pipeline.model import Gates, LintGate
from pipeline.model.gates import TestsGate
from pipeline.util.dataclass import dataclass

from .evidence import Evidence, Inventory, LintReport, Scan, TestReport
from .gates.context import GateContext
from .gates.hints import HINTS, UNEXAMINED
from .gates.judgement import Judgement
from .gates.licenses import judge_licenses
from .gates.secrets import judge_secrets
from .gates.size import judge_size
from .gates.vulnerabilities import judge_vulnerabilities
from .lint import closing

Gate = Literal["vulnerabilities", "secrets", "sbom", "tests", "size", "lint", "licenses"]
GATES: tuple[Gate, ...] = get_args(Gate)


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
        closed_by, missed = tuple(reasons), tuple(unexamined)
        if closed_by:
            missed = tuple(f"not examined: {reason}" for reason in missed)
        state = GateState.CLOSED if closed_by else GateState.NOT_EXAMINED if missed else GateState.PASSED
        return cls(gate, state, (*closed_by, *missed), tuple(notes))

    @classmethod
    def by(cls, gate: Gate, judgement: Judgement) -> Self:
        """The verdict of a judgement."""
        return cls.of(gate, judgement.reasons, unexamined=judgement.unexamined, notes=judgement.notes)

    @property
    def passed(self) -> bool:
        """Whether the gate is open."""
        return self.state is GateState.PASSED

    @property
    def hint(self) -> str | None:
        """What would open the gate; None where it is open."""
        return {GateState.CLOSED: HINTS[self.gate], GateState.NOT_EXAMINED: UNEXAMINED}.get(self.state)

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {
            "gate": self.gate,
            "passed": self.passed,
            "state": str(self.state),
            "reasons": list(self.reasons),
            "notes": list(self.notes),
            "hint": self.hint,
        }


def judge(
    evidence: Evidence, gates: Gates, today: date, context: GateContext | None = None
) -> tuple[Verdict, ...]:
    """A verdict of every gate that has evidence, in the order of the stages."""
    verdicts, around = [], context or GateContext()
    if scan := evidence.scan:
        findings = judge_vulnerabilities(scan, gates.vulnerabilities, today, around.vex, evidence.inventory)
        verdicts.append(Verdict.by("vulnerabilities", findings))
        secrets = judge_secrets(scan.secrets, gates.secrets, today, scan.unexamined)
        verdicts.append(Verdict.by("secrets", secrets))
    if evidence.inventory:
        verdicts.append(_judge_inventory(evidence.inventory))
        if gates.licenses.judges:
            licenses = judge_licenses(evidence.inventory.licensed, gates.licenses, today)
            verdicts.append(Verdict.by("licenses", licenses))
    if tests := _judge_tests(evidence.tests, gates.tests, around):
        verdicts.append(tests)
    if gates.size.is_set:
        size = judge_size(evidence.size, gates.size, around.layers, around.published)
        verdicts.append(Verdict.by("size", size))
    if evidence.lint and gates.lint.fail_on:
        verdicts.append(_judge_lint(evidence.lint, gates.lint))
    return tuple(verdicts)


def severity_counts(scan: Scan | None) -> dict[str, int]:
    """How many findings of each severity, highest first, zeroes left out."""
    counts = Counter(finding.severity for finding in scan.findings) if scan else Counter()
    return {str(s): counts[s] for s in sorted(counts, key=lambda s: s.rank, reverse=True)}


def _judge_inventory(inventory: Inventory) -> Verdict:
    reasons, notes = [], []
    if inventory.distribution in _PACKAGED and not inventory.distributed:
        reasons.append(f"no package of {inventory.distribution} was found: is its package database missing?")
    elif not inventory.packages and not inventory.unexamined:  # such as FROM scratch with a static program
        notes.append("no package was found")
    return Verdict.of("sbom", reasons, unexamined=inventory.unexamined, notes=notes)


def _judge_tests(report: TestReport | None, gate: TestsGate, context: GateContext) -> Verdict | None:
    if context.untested:
        reason = "the image has neither a test nor a check, and the policy requires one (test.yml or checks:)"
        return Verdict.of("tests", [reason]) if gate == "required" else None
    if report is None:
        return None
    failed = [f"{case.name}: {case.detail}".strip(": ") for case in report.cases if not case.passed]
    missed = report.unexamined or (() if report.cases else ("the report has no case",))
    return Verdict.of("tests", failed, unexamined=missed)


def _judge_lint(report: LintReport, gate: LintGate) -> Verdict:
    closes = closing(report.findings, gate)
    texts = [f"line {finding.line} of the Dockerfile: {finding}" for finding in closes]
    rest = len(report.findings) - len(closes)
    notes = [f"{rest} findings below the gate or ignored: lockage lint"] if rest else []
    return Verdict.of("lint", texts, unexamined=report.unexamined, notes=notes)
