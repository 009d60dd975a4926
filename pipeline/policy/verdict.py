"""Gates: a verdict is a pure function of evidence, gates and the day it is given."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pipeline.model import Gates, VulnerabilityGate
from pipeline.model.gates import FailOrWarn

from .evidence import Evidence, Inventory, LeakedSecret, Scan, TestReport
from .judged import Effect, JudgedFinding, judge_findings

Gate = Literal["vulnerabilities", "secrets", "sbom", "tests", "size"]


# Distributions by their id (os-release) that are made of packages: an image of one without any hides what it has.
_PACKAGED = {
    *("debian", "ubuntu", "alpine", "wolfi", "chainguard", "arch", "photon", "mariner", "azurelinux"),
    *("fedora", "rhel", "centos", "rocky", "almalinux", "ol", "amzn"),
    *("sles", "opensuse-leap", "opensuse-tumbleweed"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one gate: `reasons` close it, `notes` do not."""

    gate: Gate
    passed: bool
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {
            "gate": self.gate,
            "passed": self.passed,
            "reasons": list(self.reasons),
            "notes": list(self.notes),
        }


def judge(evidence: Evidence, gates: Gates, today: date) -> tuple[Verdict, ...]:
    """A verdict of every gate that has evidence, in the order of the stages."""
    verdicts = []
    if evidence.scan:
        verdicts.append(_judge_vulnerabilities(evidence.scan, gates.vulnerabilities, today))
        verdicts.append(_judge_secrets(evidence.scan.secrets, gates.secrets))
    if evidence.inventory:
        verdicts.append(_judge_inventory(evidence.inventory))
    if evidence.tests:
        verdicts.append(_judge_tests(evidence.tests))
    if gates.size.max is not None:
        verdicts.append(_judge_size(evidence.size, gates.size.max))
    return tuple(verdicts)


def severity_counts(scan: Scan | None) -> dict[str, int]:
    """How many findings of each severity, highest first, zeroes left out."""
    counts = Counter(finding.severity for finding in scan.findings) if scan else Counter()
    return {str(s): counts[s] for s in sorted(counts, key=lambda s: s.rank, reverse=True)}


def _judge_vulnerabilities(scan: Scan, gate: VulnerabilityGate, today: date) -> Verdict:
    reasons: list[str] = []
    notes: list[str] = []
    for judged in judge_findings(scan.findings, gate, today):
        if judged.effect is Effect.CLOSES:
            reasons.append(_described(judged))
        elif judged.effect is Effect.NOTED:
            notes.append(_described(judged))
        elif judged.effect is Effect.IGNORED and (entry := judged.ignore):
            until = f"until {entry.expires} by {entry.owner}: {entry.reason}"
            notes.append(f"{judged.finding.id} in {judged.finding.package} ignored {until}")
    return Verdict("vulnerabilities", not reasons, tuple(reasons), tuple(notes))


def _described(judged: JudgedFinding) -> str:
    finding, entry = judged.finding, judged.ignore
    fix = f"fixed in {finding.fixed}" if finding.fixed else "no fix yet"
    expired = f"; the ignore of {entry.owner} expired on {entry.expires}" if entry else ""
    return f"{finding.id} {finding.severity} in {finding.package} {finding.version} ({fix}){expired}"


def _judge_secrets(secrets: tuple[LeakedSecret, ...], gate: FailOrWarn) -> Verdict:
    texts = tuple(f"{secret.rule} in {secret.path}" for secret in secrets)
    return Verdict("secrets", not texts, texts) if gate == "fail" else Verdict("secrets", True, (), texts)


def _judge_inventory(inventory: Inventory) -> Verdict:
    if inventory.distribution in _PACKAGED and not inventory.distributed:
        text = f"no package of {inventory.distribution} was found: is its package database missing?"
        return Verdict("sbom", False, (text,))
    if not inventory.packages:  # such as FROM scratch with a static program
        return Verdict("sbom", True, (), ("no package was found",))
    return Verdict("sbom", True)


def _judge_tests(report: TestReport) -> Verdict:
    failed = tuple(f"{case.name}: {case.detail}".strip(": ") for case in report.cases if not case.passed)
    return Verdict("tests", not failed, failed)


def _judge_size(size: int, limit: int) -> Verdict:
    if size <= limit:
        return Verdict("size", True)
    text = f"{size} bytes compressed, {size - limit} more than the limit of {limit}"
    return Verdict("size", False, (text,))
