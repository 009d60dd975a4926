"""A report as data: `report.json`, and what `lockage findings --json` prints; `schema.py` describes it."""

from __future__ import annotations

import json
from typing import Any

from pipeline.policy import LeakedSecret, TestCase, Tool
from pipeline.util.printable import safe_json

from .counts import severities
from .values import ImageReport, Report, ReportedFault, ReportedFinding, TargetReport, worst_first

FORMAT_VERSION = 1
_Json = dict[str, Any]


def report_json(report: Report) -> str:
    """The file; one finding a line, so that it can be read and compared."""
    data = report_data(report)
    targets = data.pop("targets")
    head = json.dumps(data, indent=2, ensure_ascii=False).removesuffix("\n}")
    lines = ",\n".join(_target_text(target) for target in targets)
    return safe_json(f'{head},\n  "targets": [{f"{chr(10)}{lines}{chr(10)}  " if lines else ""}]\n}}\n')


def report_data(report: Report) -> _Json:
    """A whole report."""
    return {
        "format_version": FORMAT_VERSION,
        "project": report.project,
        "command": report.command,
        "lockage": report.version,
        "made": report.made,
        "revision": report.revision,
        "exit_code": report.exit_code,
        "seconds": round(report.seconds, 3),
        "images": [_image(image) for image in report.images],
        "targets": [target_data(report, target) for target in report.targets],
    }


def target_data(report: Report, target: TargetReport) -> _Json:
    """One target with all that is known of it, findings worst first."""
    evidence = target.evidence
    scan = evidence.scan if evidence else None
    tests = evidence.tests if evidence else None
    return {
        "id": target.id,
        "image": target.image,
        "tag": target.tag,
        "platform": target.platform,
        "status": target.status,
        "reason": target.reason,
        "digest": target.digest or None,
        "reference": target.reference or None,
        "seconds": round(target.seconds, 3),
        "location": _location(target.location),
        "size": evidence.size if evidence and evidence.size else None,
        "packages": evidence.inventory.packages if evidence and evidence.inventory else None,
        "distribution": target.scan.distribution or None,
        "scanned": target.scan.scanned or None,
        "verified": target.verified,
        "tools": {stage: _tool(report, tool) for stage, tool in target.tools},
        "verdicts": [verdict.to_json() for verdict in target.verdicts],
        "error": _fault(target.fault),
        "tests": [_test(case) for case in tests.cases] if tests else None,
        "secrets": [_secret(secret) for secret in scan.secrets] if scan else None,
        "severities": severities(target.findings) if scan else None,
        "findings": [_finding(finding) for finding in worst_first(target.findings)] if scan else None,
    }


def _finding(finding: ReportedFinding) -> _Json:
    vulnerability, details = finding.finding, finding.details
    return {
        "id": vulnerability.id,
        "severity": str(vulnerability.severity),
        "package": vulnerability.package,
        "installed": vulnerability.version,
        "fixed": vulnerability.fixed or None,
        "title": vulnerability.title,
        "effect": str(finding.effect) if finding.effect else None,
        "taken_out": finding.taken_out or None,
        "ignore": finding.ignore.to_json() if finding.ignore else None,
        "first_seen": finding.first_seen or None,
        "published": details.published or None,
        "cvss": details.cvss,
        "url": details.url or None,
        "purl": details.purl or None,
        **({"scanners": list(vulnerability.scanners)} if vulnerability.scanners else {}),
        **({"aliases": list(vulnerability.aliases)} if vulnerability.aliases else {}),
        "ecosystem": details.ecosystem or None,
        "paths": [place.path for place in details.places if place.path],
        "layer": (
            {"diff_id": finding.layer.diff_id, "created_by": finding.layer.created_by}
            if finding.layer
            else None
        ),
        "location": _location(finding.location),
    }


def _location(at: Any) -> _Json | None:
    return {"path": at.path, "line": at.line} if at else None


def _tool(report: Report, tool: Tool) -> _Json:
    return {
        "name": tool.name,
        "version": tool.version,
        "data_date": tool.data_date,
        "data_digest": tool.data_digest,
        "data_age_days": report.age(tool),
    }


def _test(case: TestCase) -> _Json:
    return {"name": case.name, "passed": case.passed, "detail": case.detail}


def _secret(secret: LeakedSecret) -> _Json:
    return {"rule": secret.rule, "path": secret.path, "severity": str(secret.severity)}


def _fault(fault: ReportedFault | None) -> _Json | None:
    if fault is None:
        return None
    return {"message": fault.message, "detail": fault.detail, "hint": fault.hint}


def _image(image: ImageReport) -> _Json:
    return {
        "name": image.name,
        "status": image.status,
        "reason": image.reason,
        "reference": image.reference or None,
        "signed": image.signed,
        "tags": list(image.tags),
        "error": _fault(image.fault),
    }


def _target_text(target: _Json) -> str:
    findings = target.pop("findings")
    text = json.dumps(target, ensure_ascii=False).removesuffix("}")
    if not findings:
        return f'    {text}, "findings": {json.dumps(findings)}}}'
    lines = ",\n".join(f"      {json.dumps(finding, ensure_ascii=False)}" for finding in findings)
    return f'    {text}, "findings": [\n{lines}\n    ]}}'
