"""Parsed JSON to types, at the place where it is read. Each function raises ValueError for any other type."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Protocol, TypeVar

T = TypeVar("T", bound=str)

_SURROGATE = re.compile(r"\\ud[89a-f]", re.IGNORECASE)


class AsData(Protocol):
    """A value that is printed as JSON."""

    def to_json(self) -> Mapping[str, object]: ...


def parse_json(raw: bytes, *, strict: bool = False) -> object:
    """JSON in UTF-8 that can be written again. Raises ValueError for anything else, also for a text with half of a
    surrogate pair and for nesting beyond the parser's limit; `strict` also for repeated keys and for NaN and the
    infinities, which are no JSON (RFC 8259)."""
    text = raw.decode()
    try:
        data: object = (
            json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
            if strict
            else json.loads(text)
        )
        if _SURROGATE.search(text):
            json.dumps(data, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("a text with half of a surrogate pair") from None
    return data


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated[:40]!r} is repeated")
    return value


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is not a number of JSON")


def as_object(value: object) -> dict[str, object]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"an object is expected, not {_shown(value)}")
    return value


def as_list(value: object) -> list[object] | tuple[object, ...]:
    """A JSON array; data that was never text may have a tuple there."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"a list is expected, not {_shown(value)}")
    return value


def as_text(value: object) -> str:
    """A JSON string."""
    if not isinstance(value, str):
        raise ValueError(f"a text is expected, not {_shown(value)}")
    return value


def as_optional_text(value: object) -> str | None:
    """A JSON string, or null."""
    return None if value is None else as_text(value)


def as_texts(value: object) -> tuple[str, ...]:
    """A JSON array of strings."""
    return tuple(map(as_text, as_list(value)))


def as_text_mapping(value: object) -> dict[str, str]:
    """A JSON object of strings."""
    return {name: as_text(text) for name, text in as_object(value).items()}


def as_integer(value: object) -> int:
    """A JSON number without a fraction."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"a whole number is expected, not {_shown(value)}")
    return value


def as_flag(value: object) -> bool:
    """A JSON boolean."""
    if not isinstance(value, bool):
        raise ValueError(f"true or false is expected, not {_shown(value)}")
    return value


def as_literal(value: object, *allowed: T) -> T:
    """One of some strings."""
    for word in allowed:
        if value == word:
            return word
    raise ValueError(f"one of {', '.join(allowed)} is expected, not {_shown(value)}")


def _shown(value: object) -> str:
    return repr(value)[:60]
