"""JSON by the rules of protojson; bundles/test_as_cosign compares whole bundles with cosign."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.trust.protojson import Field, double, int64, message, octets, parse, repeated, string, strings

_READ = message(Field("aB", string, "a_b"), Field("n", int64, oneof="o"), Field("m", octets, oneof="o"))


@pytest.mark.parametrize(
    "text, value",
    [
        ("0", 0),
        ("-0", 0),
        ("17", 17),
        ("1.7e1", 17),
        ("170e-1", 17),
        ("0e999999999", 0),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_whole_numbers(text: str, value: int) -> None:
    assert int64(parse(text.encode())) == int64(text) == value


@pytest.mark.parametrize(
    "text", ["1.5", "1e-1", "9223372036854775808", "1e999999999", "1e-999999999", " 1", "", "x"]
)
def test_numbers_that_are_not_whole(text: str) -> None:
    with pytest.raises(ValueError):
        int64(text)


@pytest.mark.parametrize("raw", [b"1e309", b"-1e309", b"9" * 5000, b"NaN", b"-Infinity"])
def test_numbers_beyond_float64(raw: bytes) -> None:
    with pytest.raises(ValueError):
        parse(raw, double)


@given(st.binary(max_size=60))
def test_base64_of_every_kind(raw: bytes) -> None:
    import base64

    for text in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        assert octets(text) == octets(text.rstrip("=")) == raw


@pytest.mark.parametrize(
    "text", ["A", "A===", "AA=", "AA=A", "-/AA", "AAAA=", "A A=", "é===", "AAAA=\n\n\n", "AA=\n"]
)
def test_what_is_not_base64(text: str) -> None:
    with pytest.raises(ValueError):
        octets(text)


def test_fields_by_either_name_and_null_for_none() -> None:
    assert _READ(parse(b'{"a_b": "x", "n": null, "m": "AA=="}')) == {"aB": "x", "m": b"\0"}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"aB": 1}',
        b'{"aB": "x", "a_b": "x"}',
        b'{"aB": null, "a_b": null}',
        b'{"n": 1, "m": ""}',
        b'{"AB": "x"}',
        b'{"aB": "x", "aB": "x"}',
        b'{"aB": "\\udfff"}',
        b'{"aB": "\xff"}',
        b"[]",
    ],
)
def test_fields_that_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        _READ(parse(raw))


def test_null_is_neither_an_element_nor_a_value() -> None:
    for read, value in ((repeated(string), [None]), (strings, {"a": None})):
        with pytest.raises(ValueError):
            read(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(st.characters(codec="utf-8")),
        lambda s: st.lists(s) | st.dictionaries(st.text(st.characters(codec="utf-8")), s),
    )
)
def test_any_other_json_is_read_as_it_is(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value
