"""Gates: a verdict is a pure function of evidence, policy and the day it is asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from .evidence import Evidence, Finding, Scan, Severity


@dataclass(frozen=True, slots=True)
class Ignore:
    """A finding that somebody answers for, until a day: `package` empty means any package."""

    id: str
    owner: str
    reason: str
    expires: date
    package: str = ""

    def covers(self, finding: Finding, today: date) -> bool:
        """Whether this entry opens the gate for the finding on that day (the last day included)."""
        return self.id == finding.id and self.package in ("", finding.package) and today <= self.expires


@dataclass(frozen=True, slots=True)
class Policy:
    """What the gates ask for. `max_size` in bytes of compressed image, None for no limit; with `unfixed_fail` off,
    findings that no version fixes yet are only noted."""

    fail_on: frozenset[Severity] = frozenset({Severity.CRITICAL, Severity.HIGH})
    ignores: tuple[Ignore, ...] = ()
    secrets_fail: bool = True
    max_size: int | None = None
    unfixed_fail: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one gate said: `reasons` close it, `notes` are worth knowing all the same."""

    gate: str
    passed: bool
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "gate": self.gate,
            "passed": self.passed,
            "reasons": list(self.reasons),
            "notes": list(self.notes),
        }


def judge(evidence: Evidence, policy: Policy, today: date) -> tuple[Verdict, ...]:
    """Ask every gate for which there is evidence, in the order of the stages."""
    verdicts = []
    if evidence.scan:
        verdicts.append(_vulnerabilities(evidence.scan, policy, today))
        verdicts.append(_secrets(evidence.scan, policy))
    if evidence.inventory:
        verdicts.append(Verdict("sbom", evidence.inventory.packages > 0, _unless_packages(evidence)))
    if evidence.tests:
        failed = [f"{c.name}: {c.detail}".strip(": ") for c in evidence.tests.cases if not c.passed]
        verdicts.append(Verdict("tests", not failed, tuple(failed)))
    if policy.max_size is not None:
        verdicts.append(_size(evidence.size, policy.max_size))
    return tuple(verdicts)


def _vulnerabilities(scan: Scan, policy: Policy, today: date) -> Verdict:
    reasons, notes = [], []
    for finding in scan.findings:
        if finding.severity not in policy.fail_on:
            continue
        entry = next((i for i in policy.ignores if i.covers(finding, today)), None)
        if entry:
            who = f"until {entry.expires} by {entry.owner}: {entry.reason}"
            notes.append(f"{finding.id} in {finding.package} ignored {who}")
            continue
        lapsed = next((i for i in policy.ignores if i.covers(finding, i.expires)), None)
        fix = f"fixed in {finding.fixed}" if finding.fixed else "no fix yet"
        after = f"; the ignore of {lapsed.owner} expired on {lapsed.expires}" if lapsed else ""
        said = f"{finding.id} {finding.severity.name} in {finding.package} {finding.version} ({fix}){after}"
        (reasons if finding.fixed or policy.unfixed_fail else notes).append(said)
    return Verdict("vulnerabilities", not reasons, tuple(reasons), tuple(notes))


def _secrets(scan: Scan, policy: Policy) -> Verdict:
    found = tuple(f"{s.rule} in {s.path}" for s in scan.secrets)
    return (
        Verdict("secrets", not found, found) if policy.secrets_fail else Verdict("secrets", True, (), found)
    )


def _unless_packages(evidence: Evidence) -> tuple[str, ...]:
    assert evidence.inventory
    return () if evidence.inventory.packages else ("the bill of materials names no package",)


def _size(size: int, limit: int) -> Verdict:
    if size <= limit:
        return Verdict("size", True)
    return Verdict(
        "size", False, (f"{size} bytes compressed, {size - limit} more than the limit of {limit}",)
    )


def severity_counts(scan: Scan | None) -> dict[str, int]:
    """How many findings of each severity, highest first, zeroes left out."""
    counts = Counter(f.severity for f in scan.findings) if scan else Counter()
    return {s.name: counts[s] for s in sorted(counts, reverse=True)}
