"""Parts of JSON Schemas (draft 2020-12): objects with exactly these fields, described texts, nullable values."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def object_of(optional: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    """An object with these fields and no others; all but `optional` are required."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def text(description: str) -> Schema:
    """A string, and what it is."""
    return {"type": "string", "description": description}


def or_null(schema: Schema) -> Schema:
    """A value, or null."""
    return {"anyOf": [schema, {"type": "null"}]}
