"""Gates: a verdict is a pure function of evidence, gates and the day it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal, Self

from pipeline.model import Gates, LintGate
from pipeline.model.vulnerability_gate import FailOrWarn

from .evidence import Evidence, Inventory, LintReport, Scan, TestReport
from .judged import VexEvidence
from .lint import closing
from .vulnerabilities import vulnerability_verdict

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


def judge(
    evidence: Evidence, gates: Gates, today: date, vex: VexEvidence | None = None
) -> tuple[Verdict, ...]:
    """A verdict of every gate that has evidence, in the order of the stages. `vex` is what VEX is matched with; without
    it, statements about images by name or digest, and what is attested, take nothing out."""
    verdicts = []
    if evidence.scan:
        found, missed, notes = vulnerability_verdict(
            evidence.scan, gates.vulnerabilities, today, vex or VexEvidence()
        )
        verdicts.append(Verdict.of("vulnerabilities", found, unexamined=missed, notes=notes))
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


def _judge_secrets(scan: Scan, gate: FailOrWarn) -> Verdict:
    texts = [f"{secret.rule} in {secret.path}" for secret in scan.secrets]
    reasons, notes = (texts, []) if gate == "fail" else ([], texts)
    return Verdict.of("secrets", reasons, unexamined=scan.unexamined, notes=notes)


def _judge_inventory(inventory: Inventory) -> Verdict:
    reasons, notes = [], []
    if inventory.distribution in _PACKAGED and not inventory.distributed:
        missing = "is its package database missing? With it in the image, this gate opens"
        reasons.append(f"no package of {inventory.distribution} was found: {missing}")
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
