"""The text of a request for a new lock: nothing of a reference is markup."""

from __future__ import annotations

from pipeline.report.lock_changes import change_text


def test_a_row_for_each_reference() -> None:
    text = change_text(
        [("docker.io/library/debian:12", "111111111111", "222222222222"), ("a/b:1", "", "3" * 12)]
    )
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == 2 and rows[0].endswith("| `111111111111` | `222222222222` |")
    assert rows[1].endswith("| new | `333333333333` |")


def test_hundreds_stay_readable_and_nothing_is_markup() -> None:
    text = change_text([(f"x/y:{number}|<b>@team", "", "3" * 12) for number in range(250)])
    assert "and 50 more" in text and "<b>" not in text and "@team" not in text and len(text) < 65_536
