"""Reports of jobs read back and merged: nothing is lost, and what is no report is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.report.data import report_data, report_json
from pipeline.report.html import page
from pipeline.report.jobs import merged, read_report
from pipeline.report.markdown import summary
from pipeline.report.values import ImageReport, Report, TargetReport

from . import sample

EMPTY = replace(sample.REPORT, targets=(), images=())
BASE = TargetReport("base/1.0.0/linux-amd64", "base", "1.0.0", "linux/amd64", "built")


def read(report: Report) -> Report:
    return read_report(report_json(report).encode())


@pytest.mark.parametrize("report", [sample.REPORT, sample.unexamined(), EMPTY])
def test_what_is_read_back_is_what_was_written(report: Report) -> None:
    assert json.dumps(report_data(read(report))) == json.dumps(report_data(report))
    assert summary(read(report)) == summary(report)


def test_the_page_of_a_report_that_was_read_has_its_findings() -> None:
    assert "CVE-2099-0001" in page(read(sample.REPORT)) and "gate closed" not in page(read(EMPTY))


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("format_version",), 2, "format_version"),
        (("made",), "yesterday", "yesterday"),
        (("seconds",), -1, "a number"),
        (("exit_code",), "7", "whole number"),
        (("targets", 0, "digest"), "` [x](y)", "not a digest"),
        (("targets", 0, "verdicts", 0, "gate"), "**mine**", "one of"),
        (("targets", 0, "verdicts", 0, "state"), "open", "open"),
        (("targets", 0, "findings", 0, "url"), "javascript:alert(1)", "web address"),
        (("targets", 0, "findings", 0, "first_seen"), "2026-11-02 | x", "no day"),
        (("targets", 0, "findings", 0, "severity"), "AWFUL", "severity"),
        (("targets", 0, "size"), -1, "count"),
        (("targets", 0, "tools"), {}, "missing"),
        (("images",), {}, "list"),
    ],
)
def test_what_is_no_report(path: tuple[str | int, ...], value: object, problem: str) -> None:
    data = report_data(sample.REPORT)
    place = json.loads(json.dumps(data))
    whole = place
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ValueError, match=problem):
        read_report(json.dumps(whole).encode())


def test_a_matrix_reads_as_one_run() -> None:
    reused = replace(BASE, status="reused")
    arm = replace(BASE, id="base/1.0.0/linux-arm64", platform="linux/arm64")
    image = ImageReport("app:1.0.0", "pushed")
    one = replace(sample.REPORT, targets=(reused, sample.APP), images=(image,), exit_code=0, seconds=5.0)
    other = replace(EMPTY, targets=(arm, BASE), images=(image,), exit_code=5, made="2026-11-26T10:00:00Z")
    whole = merged([read(one), read(other)])
    assert [(t.id, t.status) for t in whole.targets] == [
        ("base/1.0.0/linux-amd64", "built"),
        ("base/1.0.0/linux-arm64", "built"),
        ("app/1.0.0/linux-amd64", "closed"),
    ]
    assert (whole.exit_code, whole.made, whole.seconds) == (5, "2026-11-26T10:00:00Z", 85.5)
    assert [image.name for image in whole.images] == ["app:1.0.0"]
    assert merged([read(other), read(one)]).targets[1].status == "built"
    assert "run (2 jobs)" in summary(whole).replace("\\", "")


@pytest.mark.parametrize("change", [{"project": "another"}, {"revision": "d" * 40}])
def test_reports_of_two_runs_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="reports of two"):
        merged([EMPTY, replace(EMPTY, **change)])
