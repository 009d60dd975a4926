"""Response headers: links of pages, delays, ranges of uploads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.registry.http.headers import next_link, received_bytes, retry_after, retry_after_in_message

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('</v2/a/tags/list?last=b&n=2>; rel="next"', "/v2/a/tags/list?last=b&n=2"),
        ("</next>; rel=next", "/next"),
        ("</next>;rel=NEXT", "/next"),
        ('</prev>; rel="prev", </next>; rel="next"', "/next"),
        ('</both>; rel="prev next"', "/both"),
        ('</a,b;c>; title="x; rel=next, y"; rel="next"', "/a,b;c"),
        ('</other>; title="rel=next"', None),
        ("<https://else.where/x>; rel=next", "https://else.where/x"),
        ("/no/brackets; rel=next", None),
        ("", None),
        (None, None),
    ],
)
def test_links(value: str | None, expected: str | None) -> None:
    assert next_link(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("99999999999999999999", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(value: str | None, expected: float | None) -> None:
    assert retry_after(value, NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retry-after: 115.708µs, allowed: 44000/minute", 115.708e-6),
        ("retry-after: 1m30s, allowed: 1/minute", 90.0),
        ("Retry-After: 250ms", 0.25),
        ("toomanyrequests: retry-after: 2h0m1.5s", 7201.5),
        ("retry-after: soon", None),
        ("slow down", None),
    ],
)
def test_retry_after_in_the_body(text: str, expected: float | None) -> None:
    found = retry_after_in_message(text)
    assert found is None if expected is None else found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0-0", 0),
        ("0-99", 100),
        ("bytes=0-99", 100),
        ("bytes 0-99", 100),
        ("5-99", None),
        ("", None),
        (None, None),
    ],
)
def test_ranges(value: str | None, expected: int | None) -> None:
    assert received_bytes(value) == expected


@given(st.text(max_size=300))
def test_no_header_breaks_the_parsers(value: str) -> None:
    next_link(value)
    retry_after(value, NOW)
    retry_after_in_message(value)
    received_bytes(value)
