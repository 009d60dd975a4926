"""GitLab's security reports (schemas 15.2): container scanning for packages of the distribution, dependency scanning
for those of languages, and the annotations that link a job to the page.

The texts are GitLab Flavored Markdown for GitLab, so names from outside are escaped.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from pipeline.model import Severity
from pipeline.policy import Tool
from pipeline.util.printable import safe_json

from .counts import data_of
from .escape import line, markdown
from .values import Report, ReportedFinding, TargetReport, worst_first

SCHEMA_VERSION = "15.2.1"
MAX_FINDINGS = 100_000
"""The worst findings that a report has."""
_MOST_IDS = 20  # of one finding; GitLab refuses more
_NAMESPACE = uuid.UUID("6f1ba1ff-3a29-5f3e-94a7-6c4f9f0e7f37")
_SEVERITIES = {
    Severity.CRITICAL: "Critical",
    Severity.HIGH: "High",
    Severity.MEDIUM: "Medium",
    Severity.LOW: "Low",
    Severity.UNKNOWN: "Unknown",
}
_V3 = re.compile(r"CVSS:3[.][01]/[A-Z:/]{24,119}\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_Json = dict[str, Any]
_Kind = Literal["container_scanning", "dependency_scanning"]


def container_scanning(report: Report) -> str:
    """For `artifacts: reports: container_scanning:`."""
    worst = _worst((target, finding) for target, finding in _findings(report) if finding.details.system)
    vulnerabilities = [
        _vulnerability(target, finding, _container_location(target, finding)) for target, finding in worst
    ]
    return _text(_head(report, "container_scanning") | {"vulnerabilities": vulnerabilities})


def dependency_scanning(report: Report) -> str:
    """For `artifacts: reports: dependency_scanning:`."""
    worst = _worst((target, finding) for target, finding in _findings(report) if not finding.details.system)
    vulnerabilities = [
        _vulnerability(target, finding, _dependency_location(target, finding)) for target, finding in worst
    ]
    return _text(
        _head(report, "dependency_scanning")
        | {"vulnerabilities": vulnerabilities, "dependency_files": _dependency_files(worst)}
    )


def job_links(job_url: str, pages: Mapping[str, str]) -> str:
    """For `artifacts: reports: annotations:`: links on the job's page to files among its artifacts, by label."""
    links = [
        {"external_link": {"label": label, "url": f"{job_url}/artifacts/file/{path}"}}
        for label, path in pages.items()
    ]
    return _text({"lockage": links})


def _findings(report: Report) -> Iterator[tuple[TargetReport, ReportedFinding]]:
    for target in report.targets:
        for finding in worst_first(target.findings):
            yield target, finding


def _worst(
    findings: Iterable[tuple[TargetReport, ReportedFinding]],
) -> list[tuple[TargetReport, ReportedFinding]]:
    listed = list(findings)
    if len(listed) <= MAX_FINDINGS:
        return listed
    return sorted(listed, key=lambda pair: -pair[1].severity.rank)[:MAX_FINDINGS]


def _head(report: Report, kind: _Kind) -> _Json:
    scans = [(target.scan.scanned, target.scanned.tool) for target in report.targets if target.scanned]
    tool = scans[0][1] if scans else Tool("trivy", "none")
    made = _time(report.made) or "1970-01-01T00:00:00"
    times = sorted(filter(None, (_time(scanned) for scanned, _ in scans)))
    return {
        "version": SCHEMA_VERSION,
        "schema": "https://gitlab.com/gitlab-org/security-products/security-report-schemas/-/raw/"
        f"v{SCHEMA_VERSION}/dist/{kind.replace('_', '-')}-report-format.json",
        "scan": {
            "analyzer": _tool("lockage", "Lockage", report.version),
            "scanner": _tool(tool.name, tool.name.capitalize(), tool.version),
            "start_time": times[0] if times else made,
            "end_time": max(times[-1], made) if times else made,
            "status": "success",
            "type": kind,
            "messages": [*_missed(report), *_examined(report)],
        },
    }


def _missed(report: Report) -> Iterator[_Json]:
    """What a scan could not look at."""
    for target in report.targets:
        for text in target.scanned.unexamined if target.scanned else ():
            yield {"level": "warn", "value": line(f"{target.name} {target.platform}: not examined: {text}")}


def _examined(report: Report) -> Iterator[_Json]:
    """What was scanned by what."""
    for target in report.targets:
        scan = target.scanned
        by = ", ".join(data_of(report, tool) for tool in scan.tools) if scan else ""
        text = by or f"not scanned: {target.status}"
        yield {"level": "info", "value": line(f"{target.name} {target.platform} {target.digest}: {text}")}


def _tool(id: str, name: str, version: str) -> _Json:
    return {
        "id": line(id),
        "name": line(name),
        "version": line(version) or "none",
        "vendor": {"name": line(name)},
    }


def _vulnerability(target: TargetReport, finding: ReportedFinding, location: _Json) -> _Json:
    vulnerability, details = finding.finding, finding.details
    identifier, *aliases = map(_identifier, vulnerability.ids[:_MOST_IDS])
    identifier |= {"url": details.url} if details.url else {}
    title = vulnerability.title or f"{vulnerability.id} in {vulnerability.package}"
    data: _Json = {
        "id": str(uuid.uuid5(_NAMESPACE, _printable_identity(target, finding))),
        "name": line(title, 255),
        "description": markdown(details.description or title, 2000),
        "severity": _SEVERITIES[vulnerability.severity],
        "solution": _solution(finding),
        "identifiers": [identifier, *aliases],
        "location": location,
        "details": _details(target, finding),
    }
    if details.url:
        data["links"] = [{"url": details.url}]
    if _V3.match(details.vector):
        data["cvss_vectors"] = [{"vendor": "unknown", "vector": details.vector}]
    return data


def _identifier(name: str) -> _Json:
    id = line(name) or "unknown"
    return {"type": id.partition("-")[0].lower() or "id", "name": id, "value": id}


def _solution(finding: ReportedFinding) -> str:
    vulnerability = finding.finding
    if vulnerability.fixed:
        return markdown(
            f"Update {vulnerability.package} from {vulnerability.version} to {vulnerability.fixed}"
        )
    return markdown(f"No version of {vulnerability.package} fixes it yet")


def _details(target: TargetReport, finding: ReportedFinding) -> _Json:
    texts = {
        "image": ("Image", target.name),
        "platform": ("Platform", target.platform),
        "digest": ("Digest", target.digest),
        "layer": ("Layer", finding.layer.created_by if finding.layer else ""),
        "since": ("Known since", finding.since),
        "ignored": ("Ignored", finding.taken_out),
        "scanners": ("Reported by", ", ".join(finding.finding.scanners)),
    }
    return {
        key: {"name": name, "type": "text", "value": line(value)}
        for key, (name, value) in texts.items()
        if value
    }


def _container_location(target: TargetReport, finding: ReportedFinding) -> _Json:
    image = f"{target.repository}:{target.tag}" if target.repository and target.tag else target.reference
    return {
        "dependency": _dependency(finding),
        "operating_system": line(target.scan.distribution) or "unknown",
        "image": line(image or target.name),
    }


def _dependency_location(target: TargetReport, finding: ReportedFinding) -> _Json:
    return {"file": _file(target, finding), "dependency": _dependency(finding)}


def _dependency(finding: ReportedFinding) -> _Json:
    return {"package": {"name": line(finding.finding.package)}, "version": line(finding.finding.version)}


def _file(target: TargetReport, finding: ReportedFinding) -> str:
    """Below the image's name: the same file of another image is another file."""
    return line(f"{target.name}/{(finding.path or finding.details.ecosystem or 'unknown').lstrip('/')}")


def _dependency_files(findings: list[tuple[TargetReport, ReportedFinding]]) -> list[_Json]:
    files: dict[tuple[str, str], dict[tuple[str, str], _Json]] = {}
    for target, finding in findings:
        key = _file(target, finding), line(finding.details.ecosystem) or "unknown"
        dependency = finding.finding.package, finding.finding.version
        files.setdefault(key, {})[dependency] = _dependency(finding)
    return [
        {"path": path, "package_manager": manager, "dependencies": list(dependencies.values())}
        for (path, manager), dependencies in files.items()
    ]


def _printable_identity(target: TargetReport, finding: ReportedFinding) -> str:
    vulnerability = finding.finding
    parts = (target.id, vulnerability.id, vulnerability.package, vulnerability.version, finding.path)
    return json.dumps(parts)  # ASCII, whatever is in them


def _time(moment: str) -> str:
    match = _TIME.match(moment)
    return match[0] if match else ""


def _text(data: _Json) -> str:
    return safe_json(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n")
