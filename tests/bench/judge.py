"""How long 10,000 findings take: to be judged, and to be written in each format; no engine, no registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from time import perf_counter, process_time

from pipeline.model import Gates, Ignore, Severity, VulnerabilityGate
from pipeline.policy import Evidence, Finding, Scan, Tool, judge, judge_findings
from pipeline.policy.scan_details import scan_details
from pipeline.report import data, gitlab, html, junit, markdown, sarif
from pipeline.report.values import Report, TargetReport, reported

from .figures import Figure
from .stand import Stand

_FINDINGS = 10_000
_DAY = date(2026, 11, 26)
_GOAL = 0.05  # seconds


def measure(stand: Stand) -> list[Figure]:
    """The verdict, for which there is a goal, then what reports cost."""
    stand.say(f"{_FINDINGS} findings, {stand.rounds} rounds")
    findings = tuple(map(_finding, range(_FINDINGS)))
    gates = Gates(VulnerabilityGate(ignore=tuple(_ignore(n) for n in range(0, _FINDINGS, 20))))
    tool = Tool("trivy", "0.74.0", "2026-11-01")
    evidence = Evidence(1, scan=Scan(tool, findings, ()))
    raw = _trivy(findings)
    judged = judge_findings(findings, gates.vulnerabilities, _DAY)
    details = scan_details(raw)
    target = TargetReport(
        "app/1.0.0/linux-amd64",
        "app",
        "1.0.0",
        "linux/amd64",
        "closed",
        evidence=evidence,
        verdicts=judge(evidence, gates, _DAY),
        findings=tuple(reported(finding, details) for finding in judged),
    )
    report = Report("bench", "run", "0", "2026-11-26T00:00:00Z", _DAY, targets=(target,))
    verdict = _timed(lambda: judge(evidence, gates, _DAY), stand.rounds)
    written: dict[str, Callable[[], object]] = {
        "trivy's report read": lambda: scan_details(raw),
        "SARIF": lambda: sarif.sarif(report),
        "JUnit": lambda: junit.junit(report),
        "GitLab": lambda: (gitlab.container_scanning(report), gitlab.dependency_scanning(report)),
        "JSON": lambda: data.report_json(report),
        "Markdown": lambda: markdown.summary(report),
        "HTML": lambda: html.page(report),
    }
    return [
        replace(_figure("10,000 findings judged", verdict), goal=_GOAL, absolute=True, note="500 ignores"),
        *(_figure(f"10,000 findings: {what}", _timed(work, 3)) for what, work in written.items()),
    ]


def _timed(work: Callable[[], object], rounds: int) -> list[tuple[float, float]]:
    """Wall time and time of the processor of each round."""
    found = []
    for _ in range(rounds):
        began, used = perf_counter(), process_time()
        work()
        found.append((perf_counter() - began, process_time() - used))
    return found


def _figure(what: str, rounds: list[tuple[float, float]]) -> Figure:
    walls = sorted(wall for wall, _ in rounds)
    return Figure(
        what,
        walls[len(walls) // 2],
        spread=(walls[0], walls[-1]),
        cpu=sorted(used for _, used in rounds)[len(rounds) // 2],
    )


def _finding(number: int) -> Finding:
    severities = list(Severity)
    fixed = "1.2.4" if number % 2 else ""
    return Finding(
        f"CVE-2099-{number:05}", f"package-{number % 500}", "1.2.3", fixed, severities[number % 5], "a flaw"
    )


def _ignore(number: int) -> Ignore:
    return Ignore(f"CVE-2099-{number:05}", "team", "not reachable", date(2027, 1, 1))


def _trivy(findings: tuple[Finding, ...]) -> bytes:
    layer = "sha256:" + "1" * 64
    entries = [
        {
            "VulnerabilityID": finding.id,
            "PkgName": finding.package,
            "InstalledVersion": finding.version,
            "FixedVersion": finding.fixed,
            "Severity": str(finding.severity),
            "Title": finding.title,
            "Description": "What is wrong, and what an attacker may do with it. " * 12,
            "PrimaryURL": f"https://avd.example.org/nvd/{finding.id.lower()}",
            "PublishedDate": "2026-10-19T00:00:00Z",
            "Layer": {"DiffID": layer},
        }
        for finding in findings
    ]
    result = {"Class": "os-pkgs", "Type": "debian", "Vulnerabilities": entries}
    return json.dumps({"SchemaVersion": 2, "Metadata": {"DiffIDs": [layer]}, "Results": [result]}).encode()
