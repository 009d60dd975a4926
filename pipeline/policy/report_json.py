"""Reading the tools' JSON reports, which are untrusted: anything unexpected is a ValueError."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pipeline.util.json.values import as_list, as_object, parse_json

MAX_REPORT = 256 * 1024 * 1024
"""The largest report that is read, in bytes."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?=T|\Z)")


def load_json(raw: bytes, tool: str) -> object:
    """A report as data; a key that is repeated may be read as two values by two readers, and is refused."""
    if len(raw) > MAX_REPORT:
        raise ValueError(f"{tool}: report of {len(raw)} bytes is larger than {MAX_REPORT}")
    try:
        return parse_json(raw, strict=True)
    except ValueError as fault:
        raise ValueError(f"{tool}: report is not JSON: {fault}") from None


def load_report(raw: bytes, tool: str) -> dict[str, object]:
    """As `load_json`, of a report that is an object."""
    report = load_json(raw, tool)
    if not isinstance(report, dict):
        raise ValueError(f"{tool}: report is not an object")
    return report


def objects(parent: Mapping[str, object], key: str) -> Iterator[dict[str, object]]:
    """The objects of a list; none where it is null or missing."""
    return map(as_object, as_list(parent.get(key) or []))


def text(parent: Mapping[str, object], key: str) -> str:
    """A value as text; empty where it is missing or null."""
    value = parent.get(key)
    return "" if value is None else str(value)


def day_of(moment: str) -> str:
    """The day of a moment (RFC 3339); empty for anything else."""
    match = _DAY.match(moment)
    return match[0] if match else ""
