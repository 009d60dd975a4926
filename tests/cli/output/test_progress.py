"""What a person sees of a run's events."""

from __future__ import annotations

import re

import pytest

from pipeline.cli.output.progress import Progress
from pipeline.run import Stage, Status
from pipeline.run.rebuild import Agreement
from pipeline.util.progress import ProgressEvent, ProgressState


def shown(capsys: pytest.CaptureFixture[str], *events: ProgressEvent) -> list[str]:
    """The lines on stderr, without their times."""
    with Progress() as report:
        for event in events:
            report(event)
    return [re.sub(r"^ +\d+\.\ds  ", "", line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_for_each_event_but_good_ends_and_repetitions(capsys: pytest.CaptureFixture[str]) -> None:
    build = ProgressEvent("app/1.0.0/linux-amd64", ProgressState.BUILD, "it was never built before")
    lines = shown(
        capsys,
        build,
        build,
        ProgressEvent("app/1.0.0/linux-amd64", ProgressState.SCAN),
        ProgressEvent("app/1.0.0/linux-amd64", ProgressState.BUILT),
        ProgressEvent("app:1.0.0", ProgressState.UP_TO_DATE),
        ProgressEvent("", ProgressState.LOCK, "3 references pinned in lockage.lock"),
        ProgressEvent("low/1.0.0/linux-amd64", ProgressState.CLOSED, "CVE-1 HIGH in curl 1 (no fix yet)"),
    )
    assert lines == [
        "build    app/1.0.0/linux-amd64  it was never built before",
        "scan     app/1.0.0/linux-amd64",
        "lock       3 references pinned in lockage.lock",
        "closed   low/1.0.0/linux-amd64  CVE-1 HIGH in curl 1 (no fix yet)",
    ]


def test_a_step_of_the_lab_is_a_line_without_a_subject(capsys: pytest.CaptureFixture[str]) -> None:
    report = Progress()
    report.step("engine", "ready")
    report.step("engine", "ready")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("s  engine     ready")


@pytest.mark.parametrize("state", [*Stage, *Status, *Agreement])
def test_every_stage_and_every_end_is_a_state(state: str) -> None:
    assert ProgressState(str(state)) == str(state)
