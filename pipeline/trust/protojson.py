"""JSON as Go's `protojson` reads it, which is how cosign reads bundles and statements.

Unlike other readers of JSON it refuses unknown and repeated fields, lone surrogates and numbers outside of float64; it
also takes a field's original name (`log_index`), base64 in either alphabet with or without padding, null for a field
that is not set, and integers as strings (protobuf.dev/programming-guides/json).
"""

from __future__ import annotations

import binascii
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, NoReturn

from pipeline.util.dataclass import dataclass

Reader = Callable[[Any], Any]
"""Turns a JSON value into that of a field. Raises ValueError."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,9})?")
_ESCAPED_SURROGATE = re.compile(r"\\ud[89a-f]", re.IGNORECASE)
_INT64_DIGITS = 20


class Number(str):
    """A number as it is written."""

    __slots__ = ()


def double(text: str) -> int | float:
    """A number that float64 can hold; one without a fraction stays whole."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:40]} is out of range")
    return int(text) if text.lstrip("-").isdecimal() else value


def parse(raw: bytes, number: Callable[[str], Any] = Number) -> Any:
    """Read one JSON value; `number` makes a value of each number. Raises ValueError."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=number,
            parse_float=number,
        )
        if _ESCAPED_SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except UnicodeEncodeError:
        raise ValueError("half a surrogate pair in a string") from None
    return value


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: its JSON name, its reader, its original name if that differs, and its oneof if any."""

    name: str
    read: Reader
    original: str = ""
    oneof: str = ""


def message(*fields: Field) -> Reader:
    """Reads an object with these fields into those that are set, by JSON name."""
    known = {name: field for field in fields for name in (field.name, field.original) if name}

    def read(value: Any) -> Mapping[str, Any]:
        seen: dict[str, Any] = {}
        chosen: dict[str, str] = {}
        for key, inner in _object(value).items():
            field = known.get(key)
            if field is None:
                raise ValueError(f"unknown field {key[:80]!r}")
            if field.name in seen:
                raise ValueError(f"field {field.name!r} is repeated")
            seen[field.name] = None
            if inner is None:
                continue
            if field.oneof and chosen.setdefault(field.oneof, key) != key:
                raise ValueError(f"both {chosen[field.oneof]!r} and {key!r}")
            try:
                seen[field.name] = field.read(inner)
            except ValueError as fault:
                raise ValueError(f"{field.name}: {fault}") from None
        return {name: inner for name, inner in seen.items() if inner is not None}

    return read


def repeated(read: Reader) -> Reader:
    """Reads a list; null is no element."""

    def read_all(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError("not a list")
        return [read(inner) for inner in value]

    return read_all


def strings(value: Any) -> Mapping[str, str]:
    """A map of strings."""
    return {key: string(inner) for key, inner in _object(value).items()}


def struct(value: Any) -> Mapping[str, Any]:
    """Any object (google.protobuf.Struct)."""
    return _object(value)


def string(value: Any) -> str:
    """A string."""
    if not isinstance(value, str) or isinstance(value, Number):
        raise ValueError("not a string")
    return value


def octets(value: Any) -> bytes:
    """Bytes in base64, in the standard or the URL alphabet, with or without padding; line ends do not count."""
    text = string(value)
    if "-" in text or "_" in text:
        if "+" in text or "/" in text:
            raise ValueError("base64 of both alphabets")
        text = text.replace("-", "+").replace("_", "/")
    bare = text.replace("\r", "").replace("\n", "")
    if len(text) % 4:  # Go decides by the length with line ends
        if "=" in bare:
            raise ValueError("base64 with a wrong padding")
        bare += "=" * (-len(bare) % 4)
    if len(bare) % 4:  # binascii takes one character of padding for two
        raise ValueError("not base64")
    try:
        return binascii.a2b_base64(bare, strict_mode=True)
    except ValueError:
        raise ValueError("not base64") from None


def int64(value: Any) -> int:
    """A number without a fraction, as a number or in a string."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise ValueError("not a whole number")
    number = Decimal(value)
    if not number:
        return 0
    if number.adjusted() > _INT64_DIGITS or number != number.to_integral_value():
        raise ValueError("not a whole number of 64 bits")
    whole = int(number)
    if not -(2**63) <= whole < 2**63:
        raise ValueError("not a whole number of 64 bits")
    return whole


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in pairs:
        if key in data:
            raise ValueError(f"{key[:80]!r} is repeated")
        data[key] = value
    return data


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number in JSON")
