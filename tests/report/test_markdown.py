"""The summary: what stopped first, all of it escaped, never longer than a CI takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Severity
from pipeline.policy import Effect
from pipeline.report.escape import markdown
from pipeline.report.markdown import LIMIT, summary

from . import sample


def test_what_stopped_is_first_and_what_passed_is_counted() -> None:
    text = summary(sample.REPORT)
    assert text.startswith("# demo: lockage run: failed\n")
    assert text.index("RUN make failed") < text.index("gate tests closed") < text.index("| image |")
    assert "1 finding passes unnoticed: 1 medium" in text
    assert "trivy 0.74.0, data of 2026-11-01 (25 days old)" in text
    assert "until 2026-12-31 by platform-team: not reachable" in text


def test_a_run_that_passed_says_so() -> None:
    target = replace(sample.APP, status="built", verdicts=(), findings=())
    assert "lockage run: passed" in summary(replace(sample.REPORT, targets=(target,)))


def many(count: int) -> tuple[object, ...]:
    found = sample.APP.findings[0]
    severities = [Severity.LOW, Severity.CRITICAL, Severity.MEDIUM]
    return tuple(
        replace(
            found,
            effect=Effect.PASSES,
            finding=replace(found.finding, id=f"CVE-{n}", severity=severities[n % 3]),
        )
        for n in range(count)
    )


@pytest.mark.parametrize("limit", [LIMIT, 20_000, 3_000])
def test_the_page_is_never_longer_and_keeps_the_worst(limit: int) -> None:
    target = replace(sample.APP, verdicts=(), findings=many(10_000))
    text = summary(replace(sample.REPORT, targets=(target,)), limit)
    assert len(text.encode()) <= limit
    left_out = "`lockage findings` shows all" in text
    assert left_out is ("| low |" not in text or text.count("| low |") < 3334)
    if limit == 20_000:
        assert "| critical |" in text and "| low |" not in text


def test_thousands_of_targets_and_reasons_stay_below_the_limit() -> None:
    targets = tuple(replace(sample.APP, id=f"app/{n}/linux-amd64") for n in range(5_000))
    assert len(summary(replace(sample.REPORT, targets=targets)).encode()) <= LIMIT


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a | b", r"a \| b"),
        ("<img src=x>", "&#60;img src=x&#62;"),
        ("@team #12 !3", r"&#64;team \#12 \!3"),
        ("[x](y)", r"\[x\](y)"),
        ("https://a.example www.b", "https:&#47;&#47;a.example www&#46;b"),
        ("- item", "&#45; item"),
        ("1. item", "&#49;&#46; item"),
        ("1.2.3-4", "1.2.3-4"),
        ("a\nb", "a b"),
        ("\x1b[2J", r"\\x1b\[2J"),
        ("::error::x", r"\\x3a:error::x"),
    ],
)
def test_escaped(text: str, shown: str) -> None:
    assert markdown(text) == shown


@given(st.text())
def test_no_text_is_markup(text: str) -> None:
    shown = markdown(text)
    assert "\n" not in shown and not set(shown) & set("<>@$") and "://" not in shown
    assert shown.count("|") == shown.count(r"\|")


def test_hostile_texts_stay_texts() -> None:
    text = summary(sample.hostile())
    assert not {"<script", "\x1b", "\u202e", "##[", "@team", "https://evil"} & {
        part for part in ("<script", "\x1b", "\u202e", "##[", "@team", "https://evil") if part in text
    }
    rows = [line for line in text.splitlines() if line.startswith("| high")]
    assert rows and all(row.replace(r"\|", "").count("|") == 10 for row in rows)
