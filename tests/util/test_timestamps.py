"""RFC 3339 times, written in one form and read in all that tools write."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.util.timestamps import LAST_SECOND, format_timestamp, parse_timestamp

FIRST_SECOND = -62_135_596_800  # 0001-01-01T00:00:00Z


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-01T12:30:00+02:00", 1793529000),
        ("2026-11-01T10:30:00.123456789Z", 1793529000),
        ("2026-11-01T10:30:00", 1793529000),
    ],
)
def test_the_forms_that_tools_write(text: str, seconds: int) -> None:
    assert parse_timestamp(text) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "1793529000.0"])
def test_what_is_not_a_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_timestamp(text)


@given(st.integers(FIRST_SECOND, LAST_SECOND))
@example(FIRST_SECOND)
@example(LAST_SECOND)
def test_what_is_written_is_read_back(seconds: int) -> None:
    assert parse_timestamp(format_timestamp(seconds)) == seconds


@pytest.mark.parametrize("seconds", [FIRST_SECOND - 1, LAST_SECOND + 1, 10**20])
def test_a_time_out_of_range_overflows(seconds: int) -> None:
    with pytest.raises(OverflowError):
        format_timestamp(seconds)
