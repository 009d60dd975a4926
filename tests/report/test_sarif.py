"""SARIF: valid by its schema, at the right lines, stable, and within GitHub's limits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pipeline.model import Severity
from pipeline.report import sarif
from pipeline.report.sarif_results import FINGERPRINT
from pipeline.report.values import FileLine, ReportedFinding

from . import sample

SCHEMA = json.loads((Path(__file__).parents[1] / "data/schemas/sarif-2.1.0.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def runs(report: Any = sample.REPORT) -> list[dict[str, Any]]:
    (text,) = sarif.sarif(report)
    log: dict[str, Any] = json.loads(text)
    assert [error.message for error in VALIDATOR.iter_errors(log)] == []
    return list(log["runs"])


def test_one_run_a_target_each_with_a_category_of_its_own() -> None:
    found = runs()
    ids = [run["automationDetails"]["id"] for run in found]
    assert ids == [f"lockage/{target.id}/" for target in sample.REPORT.targets]
    assert found[0]["properties"]["digest"] == sample.DIGEST
    (scanner, *_) = found[0]["tool"]["extensions"]
    assert scanner["version"] == "0.74.0" and scanner["properties"]["dataAgeInDays"] == 25


def test_results_are_at_the_instruction_that_made_the_layer() -> None:
    results = {result["ruleId"]: result for result in runs()[0]["results"]}
    where = {
        name: result["locations"][0]["physicalLocation"]["region"]["startLine"]
        for name, result in results.items()
    }
    assert where["CVE-2099-0001"] == 3 and where["CVE-2099-0002"] == 1 and where["gate-tests"] == 1
    assert (
        "curl 7.88.1-10 in app:1.0.0 (linux/amd64): fixed in 7.88.1-11"
        in results["CVE-2099-0001"]["message"]["text"]
    )
    assert "opt/app/log.jar" in results["CVE-2099-0004"]["message"]["text"]


def test_what_is_ignored_is_suppressed_with_its_reason() -> None:
    suppressed = {r["ruleId"]: r["suppressions"] for r in runs()[0]["results"] if "suppressions" in r}
    assert list(suppressed) == ["CVE-2099-0002"]
    assert (
        "until 2026-12-31 by platform-team: not reachable" in suppressed["CVE-2099-0002"][0]["justification"]
    )


def test_rules_say_how_severe_they_are() -> None:
    rules = {rule["id"]: rule for rule in runs()[0]["tool"]["driver"]["rules"]}
    assert rules["CVE-2099-0001"]["properties"]["security-severity"] == "8.0"
    assert rules["CVE-2099-0001"]["helpUri"].startswith("https://")
    assert all(len(rule["properties"]["tags"]) <= 10 for rule in rules.values())
    assert all(rule["help"]["text"] and rule["fullDescription"]["text"] for rule in rules.values())


def test_what_failed_or_was_aborted_is_a_notification() -> None:
    _, failed, aborted = runs()
    assert not failed["invocations"][0]["executionSuccessful"]
    assert "make: no rule" in failed["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert aborted["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] == "its base failed"


def test_a_fingerprint_survives_edits_and_updates_and_nothing_else() -> None:
    def fingerprint(finding: ReportedFinding) -> str:
        target = replace(sample.APP, findings=(finding,), evidence=None, verdicts=())
        (result,) = runs(replace(sample.REPORT, targets=(target,)))[0]["results"]
        return str(result["partialFingerprints"][FINGERPRINT])

    finding = sample.APP.findings[0]
    found = finding.finding
    moved = replace(
        finding, location=FileLine("images/app/Dockerfile.tmpl", 9), finding=replace(found, version="8")
    )
    assert fingerprint(finding) == fingerprint(moved)
    assert fingerprint(finding) != fingerprint(replace(finding, finding=replace(found, package="libcurl")))


def many(count: int) -> tuple[ReportedFinding, ...]:
    severities = [Severity.LOW, Severity.CRITICAL]
    found = sample.APP.findings[0]
    return tuple(
        replace(found, finding=replace(found.finding, id=f"CVE-{n}", severity=severities[n % 2]))
        for n in range(count)
    )


def test_only_the_worst_results_are_in_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_RESULTS", 10)
    target = replace(sample.APP, findings=many(16), evidence=None, verdicts=())
    (run,) = runs(replace(sample.REPORT, targets=(target,)))
    levels = [result["level"] for result in run["results"]]
    assert levels == ["error"] * 8 + ["note"] * 2
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert "6 findings are left out" in note["message"]["text"]


def test_files_have_twenty_runs_and_so_many_results_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = replace(sample.APP, findings=(), evidence=None, verdicts=())
    targets = tuple(replace(plain, id=f"app/{n}/linux-amd64") for n in range(41))
    files = sarif.sarif(replace(sample.REPORT, targets=targets))
    assert [len(json.loads(text)["runs"]) for text in files] == [20, 20, 1]
    monkeypatch.setattr(sarif, "MAX_RESULTS", 10)
    full = tuple(replace(target, findings=many(6)) for target in targets[:3])
    assert len(sarif.sarif(replace(sample.REPORT, targets=full))) == 3


def test_no_targets_are_still_a_log() -> None:
    assert runs(replace(sample.REPORT, targets=())) == []


def test_hostile_texts_stay_texts() -> None:
    (text,) = sarif.sarif(sample.hostile())
    assert runs(sample.hostile()) and text.isprintable() is False and text.count("\n") == 1
    assert "\x1b" not in text and "##[" not in text and "\u202e" not in text
    message = runs(sample.hostile())[0]["results"][0]["message"]["text"]
    assert r"\x1b[2J" in message and "\x1b" not in message


def test_a_run_that_is_too_large_keeps_the_worst_and_a_file_holds_what_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = replace(sample.APP, findings=many(40), evidence=None, verdicts=())
    one = len(sarif.sarif(replace(sample.REPORT, targets=(target,)))[0])
    monkeypatch.setattr(sarif, "MAX_SIZE", one // 2)
    targets = tuple(replace(target, id=f"app/{n}/linux-amd64") for n in range(3))
    files = sarif.sarif(replace(sample.REPORT, targets=targets))
    assert len(files) == 3
    for text in files:
        (run,) = json.loads(text)["runs"]
        levels = [result["level"] for result in run["results"]]
        assert 0 < len(levels) < 40 and levels == sorted(levels), "errors before notes"
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        assert [rules[result["ruleIndex"]] for result in run["results"]] == [
            r["ruleId"] for r in run["results"]
        ]
        assert VALIDATOR.is_valid(json.loads(text))
