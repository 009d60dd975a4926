"""SARIF 2.1.0 (OASIS), one run a target, within the limits of GitHub's code scanning.

A finding is a result at the template's line whose layer holds the package. What an entry of the policy ignores is a
suppressed result. Results of one target have a category of their own (`automationDetails`), so that another target's
upload does not close them. The fingerprint leaves out lines and versions: it survives edits above and updates.
"""

from __future__ import annotations

import json
from typing import Any

from pipeline.policy import GateState, Verdict
from pipeline.util.dataclass import dataclass
from pipeline.util.printable import safe_json

from .counts import data_of
from .escape import block, line
from .sarif_results import location, quoted, results_of
from .values import FileLine, Report, TargetReport

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_RUNS = 20  # a file, GitHub's limit
MAX_RESULTS = 25_000  # a run, GitHub's limit; here of a whole file
MAX_SIZE = 24 * 1024 * 1024  # characters of a file: texts are compressed to a third, and GitHub takes 10 MB
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
    for rule, result in results_of(target):
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
            "id": f"lockage/{quoted(target.id)}/",
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
    missed = [f"{verdict.gate}: {reason}" for verdict in target.verdicts for reason in _missed(verdict)]
    notifications += [_notification("error", block(text), target.location) for text in missed]
    if left_out:
        text = (
            f"{left_out} findings are left out, the least severe ones: a file has {MAX_RESULTS} results and "
            f"{MAX_SIZE} bytes at most; lockage findings shows all"
        )
        notifications.append(_notification("warning", text, None))
    made = report.made[:19] + "Z"
    return {
        "executionSuccessful": target.fault is None and target.status != "aborted" and not missed,
        "endTimeUtc": made,
        **({"toolExecutionNotifications": notifications} if notifications else {}),
    }


def _missed(verdict: Verdict) -> tuple[str, ...]:
    """What a gate could not examine; where something was found as well, its reasons say so."""
    if verdict.state is GateState.NOT_EXAMINED:
        return verdict.reasons
    return tuple(reason for reason in verdict.reasons if reason.startswith("not examined: "))


def _notification(level: str, text: str, at: FileLine | None) -> _Json:
    notification: _Json = {"level": level, "message": {"text": text}}
    return notification | ({"locations": [location(at)]} if at else {})


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


def _dumped(value: object) -> str:
    return safe_json(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
