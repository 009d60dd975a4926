"""JSON of others: what is read can be written again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.util.json.canonical import compact
from pipeline.util.json.values import parse_json

_texts = st.text(max_size=8)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
)


@given(_values, st.booleans())
def test_json_is_read_as_python_reads_it(value: object, ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert parse_json(raw) == value
    assert parse_json(compact(value)) == value


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"\xff", b"\xed\xa0\x80", b'"\xed\xa0\x80"', "\ufeff{}".encode(), "{}".encode("utf-16")),
        *(b'"\\ud800"', b'["\\udC00\\ud800"]', b'{"a": {"\\uDBFF": 1}}', b"[" * 100_000, b"9" * 5000),
    ],
)
def test_what_cannot_be_written_again_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(raw)


def test_a_whole_pair_is_one_character() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "\U0001f600"
