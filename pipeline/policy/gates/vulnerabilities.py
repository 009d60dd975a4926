"""The vulnerability gate: what closes it, and what would have opened it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from pipeline.model import VulnerabilityGate

from ..evidence import Inventory, Scan
from ..finding import SCAN_EDITION
from ..judged_findings import Effect, JudgedFinding, VexEvidence, judge_findings
from .judgement import Judgement

_LISTED = 5  # ids in a note


def judge_vulnerabilities(
    scan: Scan, gate: VulnerabilityGate, today: date, vex: VexEvidence, listed: Inventory | None = None
) -> Judgement:
    """What closes the gate, each with what would let it pass. `listed` is what else the image is known to hold."""
    reasons: list[str] = []
    notes: list[str] = []
    unrated: list[str] = []
    judged = judge_findings(scan.findings, gate, today, vex)
    for one in judged:
        if one.effect is Effect.CLOSES:
            reasons.append(f"{_described(one)}; {_opens(one)}")
        elif one.effect is Effect.NOTED and not one.named:
            unrated.append(one.finding.id)
        elif one.effect is Effect.NOTED:
            notes.append(_described(one))
        elif one.effect.takes_out:
            notes.append(f"{one.finding.id} in {one.finding.package} {one.why}")
    if unrated:
        notes.append(
            f"{_some(unrated)} without a severity: {_ids(unrated)}; UNKNOWN in fail_on closes on them"
        )
    if aged := _aged(scan, gate, today):
        aged = f"{aged}; newer data opens it: lockage lock, then lockage scan or rescan"
        (reasons if gate.stale == "fail" else notes).append(aged)
    missed = _unexamined(scan, gate, listed)
    if gate.unexamined == "warn":
        notes += [f"not examined: {reason}" for reason in missed]
        missed = []
    return Judgement(tuple(reasons), (*notes, *_unscored(judged, scan, gate)), (*missed, *vex.faults))


def _unexamined(scan: Scan, gate: VulnerabilityGate, listed: Inventory | None) -> list[str]:
    missed = [*scan.unexamined]
    known = {tool.name for tool in scan.scanners}
    missed += [
        f"{name} has not scanned it (lockage scan does)" for name in gate.scanners if name not in known
    ]
    if scan.ended:
        missed.append(
            f"{scan.distribution} has reached its end of life: nobody records what is wrong with it any more"
        )
    if scan.distribution == "" and listed and listed.distributed:
        name = listed.distribution or "a distribution that the image does not name"
        count = f"{listed.distributed} package{'s' if listed.distributed > 1 else ''}"
        missed.append(f"{count} of {name}: the scanner has no data for it")
    if scan.java and scan.java.digest is None:
        missed.append("Java archives: the scanner had no Java database (java_db in lockage.yml)")
    if gate.cvss is not None and scan.edition < SCAN_EDITION:
        missed.append("CVSS scores: an earlier version kept none (lockage scan examines again)")
    return missed


def _unscored(judged: Iterable[JudgedFinding], scan: Scan, gate: VulnerabilityGate) -> list[str]:
    """What passes although nobody has given it a score yet."""
    if gate.cvss is None or scan.edition < SCAN_EDITION:
        return []
    ids = [one.finding.id for one in judged if one.effect is Effect.PASSES and one.finding.cvss is None]
    return [f"{_some(ids)} without a CVSS score: {_ids(ids)}; only fail_on can close on them"] if ids else []


def _some(ids: list[str]) -> str:
    return f"{len(ids)} finding{'s' if len(ids) > 1 else ''}"


def _ids(ids: list[str]) -> str:
    return ", ".join(ids[:_LISTED]) + (", …" if len(ids) > _LISTED else "")


def _described(judged: JudgedFinding) -> str:
    """A finding with what makes it count."""
    finding, entry = judged.finding, judged.ignore
    fix = f"fixed in {finding.fixed}" if finding.fixed else "no fix yet"
    text = f"{finding.id} {finding.severity} in {finding.package} {finding.version} ({fix})"
    if finding.scanners:
        text += f", reported by {' and '.join(finding.scanners)}"
    if judged.exploited:
        text += "; it is known to be exploited"
    if judged.scored:
        text += f"; its CVSS score is {finding.cvss}"
    if judged.until:
        text += f"; its grace ended on {judged.until}"
    elif judged.dateless:
        text += "; no grace, as its day of publication is unknown"
    if judged.vex and not judged.vex.status.opens:
        text += f"; VEX of {judged.vex_origin}: {judged.vex.status}"
    return text + (f"; the ignore of {entry.owner} expired on {entry.expires}" if entry else "")


def _opens(judged: JudgedFinding) -> str:
    """What would let a finding pass."""
    finding = judged.finding
    ways = [f"{finding.package} {finding.fixed}"] if finding.fixed else []
    ways.append("a new expiry of the ignore" if judged.ignore else "an ignore")
    ways.append("a VEX statement" if judged.vex is None else "another VEX statement")
    return f"{', '.join(ways[:-1])} or {ways[-1]} opens it"


def _aged(scan: Scan, gate: VulnerabilityGate, today: date) -> str | None:
    """What is wrong with the age of the data that a scan was made with; None if it is young enough."""
    if gate.max_age is None:
        return None
    data = {"the vulnerability data": scan.tool.data_date}
    for tool in scan.scanners[1:]:
        data[f"the vulnerability data of {tool.name}"] = tool.data_date
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
