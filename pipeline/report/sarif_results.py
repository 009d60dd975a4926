"""The results of a target in SARIF, each with its rule: closed gates, secrets, findings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pipeline.model import Severity
from pipeline.policy import GateState
from pipeline.policy.gates.hints import HINTS

from .escape import block, line, markdown
from .values import FileLine, ReportedFinding, TargetReport, worst_first

FINGERPRINT = "lockageFinding/v1"

_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning"}
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
_GATES = {
    "tests": "Structure tests",
    "size": "Size of the image",
    "sbom": "Bill of materials",
    "licenses": "Licenses of the packages",
}
_Json = dict[str, Any]


def results_of(target: TargetReport) -> Iterator[tuple[_Json, _Json]]:
    """Rules with results, the worst first."""
    for verdict in target.closed:
        if verdict.gate in _GATES and verdict.state is GateState.CLOSED:
            for reason in verdict.reasons:
                yield _gate_rule(verdict.gate), _gate_result(target, verdict.gate, reason)
    yield from _secrets(target)
    for finding in worst_first(target.findings):
        yield _rule(finding), _result(target, finding)


def _rule(finding: ReportedFinding) -> _Json:
    vulnerability, details = finding.finding, finding.details
    title = line(vulnerability.title or vulnerability.id, 200)
    text = block(details.description, 1000) or title
    lines = [
        f"**{markdown(vulnerability.title or vulnerability.id)}**",
        "",
        markdown(details.description, 1000),
    ]
    if details.cvss is not None:
        lines += ["", f"CVSS {details.cvss} {markdown(details.vector)}"]
    if details.url:
        text += f"\n\n{details.url}"
        lines += ["", f"<{details.url}>"]
    return {
        "id": line(vulnerability.id),
        "shortDescription": {"text": title},
        "fullDescription": {"text": line(details.description or title, 250)},
        "help": {"text": text, "markdown": "\n".join(lines).strip()},
        **({"helpUri": details.url} if details.url else {}),
        "defaultConfiguration": {"level": _level(vulnerability.severity)},
        "properties": {
            "tags": ["security", "vulnerability", str(vulnerability.severity)],
            "precision": "very-high",
            **(
                {"security-severity": _SCORES[vulnerability.severity]}
                if vulnerability.severity in _SCORES
                else {}
            ),
        },
    }


def _result(target: TargetReport, finding: ReportedFinding) -> _Json:
    entry = finding.finding
    fix = f"fixed in {entry.fixed}" if entry.fixed else "no version fixes it yet"
    where = f" at {finding.path}" if finding.path else ""
    layer = f"; layer: {finding.layer.created_by}" if finding.layer and finding.layer.created_by else ""
    text = f"{entry.package} {entry.version}{where} in {target.name} ({target.platform}): {fix}{layer}"
    result: _Json = {
        "level": _level(entry.severity),
        "message": {"text": line(text)},
        "locations": [location(finding.location or target.location)],
        "partialFingerprints": {FINGERPRINT: _fingerprint(target, entry.id, entry.package, finding.path)},
        "properties": {
            "package": line(entry.package),
            "installed": line(entry.version),
            "fixed": line(entry.fixed),
            **({"scanners": [line(name) for name in entry.scanners]} if entry.scanners else {}),
            **({"aliases": [line(alias) for alias in entry.aliases]} if entry.aliases else {}),
            **({"effect": str(finding.effect)} if finding.effect else {}),
            **({"since": finding.since} if finding.since else {}),
        },
    }
    if finding.accepted:
        text = line(finding.taken_out)
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": text}]
    return result


def _secrets(target: TargetReport) -> Iterator[tuple[_Json, _Json]]:
    """Secrets by rule and file; what they are is nowhere."""
    for secret in target.scanned.secrets if target.scanned else ():
        name = f"secret-{line(secret.rule)}"
        text = f"{secret.rule} in {secret.path} of {target.name} ({target.platform})"
        rule = {
            "id": name,
            "shortDescription": {"text": line(f"A secret in an image: {secret.rule}")},
            "fullDescription": {"text": "A layer holds a secret: whoever can pull the image can read it."},
            "help": {"text": "Revoke it, and mount it in RUN instead: RUN --mount=type=secret."},
            "defaultConfiguration": {"level": _level(secret.severity)},
            "properties": {
                "tags": ["security", "secret"],
                **({"security-severity": _SCORES[secret.severity]} if secret.severity in _SCORES else {}),
            },
        }
        yield (
            rule,
            {
                "level": _level(secret.severity),
                "message": {"text": line(text)},
                "locations": [location(target.location)],
                "partialFingerprints": {FINGERPRINT: _fingerprint(target, secret.rule, secret.path)},
            },
        )


def _gate_rule(gate: str) -> _Json:
    return {
        "id": f"gate-{gate}",
        "shortDescription": {"text": _GATES[gate]},
        "fullDescription": {"text": f"The gate {gate} is closed, so the image is not pushed."},
        "help": {"text": f"The reasons are in the result. To open the gate: {HINTS[gate]}."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["gate"]},
    }


def _gate_result(target: TargetReport, gate: str, reason: str) -> _Json:
    return {
        "level": "error",
        "message": {"text": block(f"{target.name} ({target.platform}): {reason}")},
        "locations": [location(target.location)],
        "partialFingerprints": {FINGERPRINT: _fingerprint(target, gate, reason.partition(":")[0])},
    }


def location(at: FileLine | None) -> _Json:
    """A line as a location."""
    at = at or FileLine("lockage.yml")
    artifact: Mapping[str, str] = {"uri": quoted(at.path), "uriBaseId": "ROOT"}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": max(1, at.line)}}}


def quoted(text: str) -> str:
    """A text as part of an address."""
    return quote(text, errors="replace")


def _level(severity: Severity) -> str:
    return _LEVELS.get(severity, "note")


def _fingerprint(target: TargetReport, *parts: str) -> str:
    identity: Sequence[str] = (target.id, *parts)
    return hashlib.sha256("\0".join(identity).encode("utf-8", "surrogatepass")).hexdigest()
