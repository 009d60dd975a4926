"""What the vulnerability gate makes of each finding; a verdict is the sum of these."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import date, timedelta
from enum import StrEnum

from pipeline.model import Ignore, Severity, VulnerabilityGate
from pipeline.model.vex import VexDocument, VexStatement, VexSubject
from pipeline.util.dataclass import dataclass

from .finding import Finding


class Effect(StrEnum):
    """What a finding does to the gate."""

    CLOSES = "closes"
    IGNORED = "ignored"  # a valid entry covers it
    VEX = "ignored by VEX"  # it does not affect the image, or is fixed in it
    GRACE = "grace"  # it was published only days ago
    NOTED = "noted"  # passes with a note: no version fixes it and the policy allows that, or nobody rated it
    PASSES = "passes"  # the gate does not name its severity, its score or itself

    @property
    def takes_out(self) -> bool:
        """Whether somebody lets pass what would close the gate."""
        return self in (Effect.IGNORED, Effect.VEX, Effect.GRACE)


@dataclass(frozen=True, slots=True)
class VexEvidence:
    """What is known of the image that VEX is matched with: its names, the documents that are attested on it, and why
    some of those cannot be read."""

    subject: VexSubject = field(default_factory=VexSubject)
    documents: tuple[VexDocument, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgedFinding:
    """A finding and its effect; `named` is whether the gate is about it.

    `ignore` is the entry that covers it, or one that did until it expired; `vex` the statement that decides, of the
    document `vex_origin`; `until` the last day of its grace; `dateless` whether it has none as nobody knows its day.
    """

    finding: Finding
    effect: Effect
    ignore: Ignore | None = None
    named: bool = True
    exploited: bool = False
    scored: bool = False
    vex: VexStatement | None = None
    vex_origin: str = ""
    until: date | None = None
    dateless: bool = False

    @property
    def why(self) -> str:
        """Who takes it out, why and until when; empty where nobody does."""
        if self.effect is Effect.IGNORED and self.ignore:
            return f"ignored until {self.ignore.expires} by {self.ignore.owner}: {self.ignore.reason}"
        if self.effect is Effect.VEX and self.vex:
            return f"ignored by VEX of {self.vex_origin}: {self.vex.reason}"
        if self.effect is Effect.GRACE and self.until:
            return f"has grace until {self.until}: published on {self.finding.published}"
        return ""


def judge_findings(
    findings: Iterable[Finding], gate: VulnerabilityGate, today: date, vex: VexEvidence | None = None
) -> tuple[JudgedFinding, ...]:
    """Each finding with its effect, in the order given."""
    rules = _Rules(gate, today, vex or VexEvidence())
    return tuple(map(rules.judged, findings))


def unnoticed(findings: Iterable[Finding], gate: VulnerabilityGate) -> dict[str, int]:
    """How many findings of each severity the gate passes without a word, highest first, zeroes left out."""
    counts = Counter(
        finding.severity
        for finding in findings
        if finding.severity is not Severity.UNKNOWN
        and not gate.names(finding.severity, finding.cvss, *finding.ids)
    )
    return {str(s): counts[s] for s in sorted(counts, key=lambda s: s.rank, reverse=True)}


class _Rules:
    """A gate's rules on one day about one image, found by the identifiers of findings."""

    def __init__(self, gate: VulnerabilityGate, today: date, vex: VexEvidence) -> None:
        self._gate, self._today, self._subject = gate, today, vex.subject
        self._grace = dict(gate.grace)
        self._ignores: dict[str, list[Ignore]] = defaultdict(list)
        for entry in gate.ignore:
            self._ignores[entry.id].append(entry)
        self._statements = _by_id((*gate.vex, *vex.documents))

    def judged(self, finding: Finding) -> JudgedFinding:
        gate = self._gate
        if not gate.names(finding.severity, finding.cvss, *finding.ids):
            unrated = finding.severity is Severity.UNKNOWN
            return JudgedFinding(finding, Effect.NOTED if unrated else Effect.PASSES, named=False)
        entries = [
            entry
            for id in finding.ids
            for entry in self._ignores.get(id, ())
            if not entry.package or entry.package == finding.package
        ]
        valid = next((entry for entry in entries if self._today <= entry.expires), None)
        statement, origin = self._statement(finding)
        exploited = gate.lists(*finding.ids)
        days = 0 if exploited else self._grace.get(finding.severity, 0)
        until = self._until(finding, days)
        if valid:
            effect = Effect.IGNORED
        elif statement and statement.status.opens:
            effect = Effect.VEX
        elif until and self._today <= until:
            effect = Effect.GRACE
        else:
            closes = exploited or bool(finding.fixed) or gate.unfixed == "fail"
            effect = Effect.CLOSES if closes else Effect.NOTED
        return JudgedFinding(
            finding,
            effect,
            valid or (entries[0] if entries else None),
            exploited=exploited,
            scored=not exploited and finding.severity not in gate.fail_on,
            vex=statement,
            vex_origin=origin,
            until=until,
            dateless=bool(days) and until is None,
        )

    def _until(self, finding: Finding, days: int) -> date | None:
        """The last day of a finding's grace; None without any, and for a day that is unknown or still to come."""
        published = finding.published_on
        if not days or published is None or published > self._today:
            return None
        return published + timedelta(days)

    def _statement(self, finding: Finding) -> tuple[VexStatement | None, str]:
        """The statement that decides: one that takes the finding out only if no other keeps it."""
        applicable = [
            (statement, origin)
            for id in finding.ids
            for statement, origin in self._statements.get(id, ())
            if statement.covers(finding.purls, self._subject)
        ]
        return min(applicable, key=lambda pair: pair[0].status.opens, default=(None, ""))


def _by_id(documents: Iterable[VexDocument]) -> Mapping[str, list[tuple[VexStatement, str]]]:
    out: dict[str, list[tuple[VexStatement, str]]] = defaultdict(list)
    for document in documents:
        for statement in document.statements:
            for id in statement.vulnerabilities:
                out[id].append((statement, document.origin))
    return out
