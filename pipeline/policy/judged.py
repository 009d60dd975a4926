"""What the vulnerability gate makes of each finding; a verdict is the sum of these."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pipeline.model import Ignore, Severity, VulnerabilityGate

from .evidence import Finding


class Effect(StrEnum):
    """What a finding does to the gate."""

    CLOSES = "closes"
    IGNORED = "ignored"  # a valid entry covers it
    NOTED = "noted"  # passes with a note: no version fixes it and the policy allows that, or nobody rated it
    PASSES = "passes"  # its severity is none that the gate names


@dataclass(frozen=True, slots=True)
class JudgedFinding:
    """A finding and its effect. `ignore` is the entry that covers it, or one that did until it expired."""

    finding: Finding
    effect: Effect
    ignore: Ignore | None = None


def judge_findings(
    findings: Iterable[Finding], gate: VulnerabilityGate, today: date
) -> tuple[JudgedFinding, ...]:
    """Each finding with its effect, in the order given."""
    severities = frozenset(gate.fail_on)
    ignores: dict[str, list[Ignore]] = defaultdict(list)
    for entry in gate.ignore:
        ignores[entry.id].append(entry)

    def judged(finding: Finding) -> JudgedFinding:
        if finding.severity not in severities:
            unrated = finding.severity is Severity.UNKNOWN
            return JudgedFinding(finding, Effect.NOTED if unrated else Effect.PASSES)
        entries = [e for e in ignores.get(finding.id, ()) if not e.package or e.package == finding.package]
        valid = next((entry for entry in entries if today <= entry.expires), None)
        if valid:
            return JudgedFinding(finding, Effect.IGNORED, valid)
        effect = Effect.CLOSES if finding.fixed or gate.unfixed == "fail" else Effect.NOTED
        return JudgedFinding(finding, effect, entries[0] if entries else None)

    return tuple(map(judged, findings))


def unnoticed(findings: Iterable[Finding], gate: VulnerabilityGate) -> dict[str, int]:
    """How many findings of each severity the gate passes without a word, highest first, zeroes left out."""
    noticed = {*gate.fail_on, Severity.UNKNOWN}
    counts = Counter(finding.severity for finding in findings if finding.severity not in noticed)
    return {str(s): counts[s] for s in sorted(counts, key=lambda s: s.rank, reverse=True)}
