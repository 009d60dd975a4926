"""SARIF 2.1.0 (OASIS), one run a target, within the limits of GitHub's code scanning.

A finding is a result at the template's line whose layer holds the package. What an entry of the policy ignores is a
suppressed result. Results of one target have a category of their own (`automationDetails`), so that another target's
upload does not close them. The fingerprint leaves out lines and versions: it survives edits above and updates.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pipeline.model import Severity
from pipeline.policy import Effect
from pipeline.util.printable import safe_json

from .counts import data_of
from .escape import block, line, markdown
from .values import FileLine, Report, ReportedFinding, TargetReport, worst_first

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_RUNS = 20  # a file, GitHub's limit
MAX_RESULTS = 25_000  # a run, GitHub's limit; here of a whole file
MAX_SIZE = (
    24 * 1024 * 1024
)  # characters of a file: below GitHub's 10 MB when compressed, which texts are to a third
FINGERPRINT = "lockageFinding/v1"

_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning"}
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
_GATES = {
    "tests": "Structure tests",
    "size": "Size of the image",
    "sbom": "Bill of materials",
}
_Json = dict[str, Any]


def sarif(report: Report) -> list[str]:
    """The files, in the order of the targets; always one at least."""
    files: list[list[str]] = [[]]
    results = size = 0
    for target in report.targets:
        run = _run(report, target)
        full = (
            len(files[-1]) == MAX_RUNS
            or results + run.results > MAX_RESULTS
            or size + len(run.text) > MAX_SIZE
        )
        if files[-1] and full:
            files.append([])
            results = size = 0
        files[-1].append(run.text)
        results, size = results + run.results, size + len(run.text)
    head = f'{{"$schema":{_dumped(SCHEMA)},"version":"2.1.0","runs":['
    return [f"{head}{','.join(runs)}]}}\n" for runs in files]


@dataclass(frozen=True, slots=True)
class _Run:
    """A run as text, and how many results it has."""

    text: str
    results: int


def _run(report: Report, target: TargetReport) -> _Run:
    """The worst results that fit; results and rules are written one by one, so that their size is known."""
    rules: dict[str, str] = {}
    numbers: dict[str, int] = {}
    results: list[str] = []
    left_out = size = 0
    for rule, result in _results(target):
        name = rule["id"]
        new = "" if name in rules else _dumped(rule)
        text = _dumped({"ruleId": name, "ruleIndex": numbers.get(name, len(rules)), **result})
        if left_out or len(results) == MAX_RESULTS or size + len(new) + len(text) > MAX_SIZE:
            left_out += 1
            continue
        size += len(new) + len(text)
        if new:
            numbers[name], rules[name] = len(rules), new
        results.append(text)
    driver = _dumped({"name": "Lockage", "version": report.version})[:-1]
    tools = _dumped([_extension(report, target, stage) for stage, _ in target.tools])
    about = {
        "automationDetails": {
            "id": f"lockage/{_quoted(target.id)}/",
            "description": {"text": line(f"{target.name} for {target.platform}")},
        },
        "originalUriBaseIds": {"ROOT": {"description": {"text": "The folder that was checked out"}}},
        "invocations": [_invocation(report, target, left_out)],
        "columnKind": "utf16CodeUnits",
        "properties": _properties(target),
    }
    return _Run(
        f'{{"tool":{{"driver":{driver},"rules":[{",".join(rules.values())}]}},"extensions":{tools}}},'
        f'"results":[{",".join(results)}],{_dumped(about)[1:]}',
        len(results),
    )


def _extension(report: Report, target: TargetReport, stage: str) -> _Json:
    tool = dict(target.tools)[stage]
    properties: _Json = {"stage": stage}
    if tool.data_date:
        properties |= {"dataDate": line(tool.data_date), "dataAgeInDays": report.age(tool)}
    if tool.data_digest:
        properties["dataDigest"] = line(tool.data_digest)
    return {
        "name": line(tool.name),
        "version": line(tool.version),
        "fullName": line(data_of(report, tool)),
        "properties": properties,
    }


def _invocation(report: Report, target: TargetReport, left_out: int) -> _Json:
    notifications = []
    if target.fault:
        text = block(f"{target.fault.message}\n{target.fault.detail}".strip())
        notifications.append(_notification("error", text, target.location))
    elif target.status == "aborted":
        notifications.append(_notification("error", line(target.reason), target.location))
    if left_out:
        text = (
            f"{left_out} findings are left out, the least severe ones: a file has {MAX_RESULTS} results and "
            f"{MAX_SIZE} bytes at most; lockage findings shows all"
        )
        notifications.append(_notification("warning", text, None))
    made = report.made[:19] + "Z"
    return {
        "executionSuccessful": target.fault is None and target.status != "aborted",
        "endTimeUtc": made,
        **({"toolExecutionNotifications": notifications} if notifications else {}),
    }


def _notification(level: str, text: str, location: FileLine | None) -> _Json:
    found: _Json = {"level": level, "message": {"text": text}}
    return found | ({"locations": [_location(location)]} if location else {})


def _properties(target: TargetReport) -> _Json:
    """What was examined."""
    values = {
        "image": target.name,
        "platform": target.platform,
        "digest": target.digest,
        "reference": target.reference,
        "distribution": target.scan.distribution,
        "scanned": target.scan.scanned,
        "status": target.status,
    }
    return {name: line(value) for name, value in values.items() if value}


def _results(target: TargetReport) -> Iterator[tuple[_Json, _Json]]:
    """Rules with results, the worst first."""
    for verdict in target.closed:
        if verdict.gate in _GATES:
            for reason in verdict.reasons:
                yield _gate_rule(verdict.gate), _gate_result(target, verdict.gate, reason)
    yield from _secrets(target)
    for finding in worst_first(target.findings):
        yield _rule(finding), _result(target, finding)


def _rule(finding: ReportedFinding) -> _Json:
    found, details = finding.finding, finding.details
    title = line(found.title or found.id, 200)
    text = block(details.description, 1000) or title
    lines = [f"**{markdown(found.title or found.id)}**", "", markdown(details.description, 1000)]
    if details.cvss is not None:
        lines += ["", f"CVSS {details.cvss} {markdown(details.vector)}"]
    if details.url:
        text += f"\n\n{details.url}"
        lines += ["", f"<{details.url}>"]
    return {
        "id": line(found.id),
        "shortDescription": {"text": title},
        "fullDescription": {"text": line(details.description or title, 250)},
        "help": {"text": text, "markdown": "\n".join(lines).strip()},
        **({"helpUri": details.url} if details.url else {}),
        "defaultConfiguration": {"level": _level(found.severity)},
        "properties": {
            "tags": ["security", "vulnerability", str(found.severity)],
            "precision": "very-high",
            **({"security-severity": _SCORES[found.severity]} if found.severity in _SCORES else {}),
        },
    }


def _result(target: TargetReport, finding: ReportedFinding) -> _Json:
    found = finding.finding
    fix = f"fixed in {found.fixed}" if found.fixed else "no version fixes it yet"
    where = f" at {finding.path}" if finding.path else ""
    layer = f"; layer: {finding.layer.created_by}" if finding.layer and finding.layer.created_by else ""
    text = f"{found.package} {found.version}{where} in {target.name} ({target.platform}): {fix}{layer}"
    result: _Json = {
        "level": _level(found.severity),
        "message": {"text": line(text)},
        "locations": [_location(finding.location or target.location)],
        "partialFingerprints": {FINGERPRINT: _fingerprint(target, found.id, found.package, finding.path)},
        "properties": {
            "package": line(found.package),
            "installed": line(found.version),
            "fixed": line(found.fixed),
            **({"effect": str(finding.effect)} if finding.effect else {}),
            **({"since": finding.since} if finding.since else {}),
        },
    }
    if finding.effect is Effect.IGNORED:
        text = line(f"ignored {finding.ignored}")
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
                "locations": [_location(target.location)],
                "partialFingerprints": {FINGERPRINT: _fingerprint(target, secret.rule, secret.path)},
            },
        )


def _gate_rule(gate: str) -> _Json:
    return {
        "id": f"gate-{gate}",
        "shortDescription": {"text": _GATES[gate]},
        "fullDescription": {"text": f"The gate {gate} is closed, so the image is not pushed."},
        "help": {"text": "The reasons are in the result; docs/gates.md says what opens each gate."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["gate"]},
    }


def _gate_result(target: TargetReport, gate: str, reason: str) -> _Json:
    return {
        "level": "error",
        "message": {"text": block(f"{target.name} ({target.platform}): {reason}")},
        "locations": [_location(target.location)],
        "partialFingerprints": {FINGERPRINT: _fingerprint(target, gate, reason.partition(":")[0])},
    }


def _location(at: FileLine | None) -> _Json:
    at = at or FileLine("lockage.yml")
    artifact: Mapping[str, str] = {"uri": _quoted(at.path), "uriBaseId": "ROOT"}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": max(1, at.line)}}}


def _quoted(text: str) -> str:
    return quote(text, errors="replace")


def _dumped(value: object) -> str:
    return safe_json(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _level(severity: Severity) -> str:
    return _LEVELS.get(severity, "note")


def _fingerprint(target: TargetReport, *parts: str) -> str:
    identity: Sequence[str] = (target.id, *parts)
    return hashlib.sha256("\0".join(identity).encode("utf-8", "surrogatepass")).hexdigest()
