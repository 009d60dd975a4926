"""The JSON Schema of a saved plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}

SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:lockage:schema:saved-plan:1",
    "title": "A saved plan",
    "description": "What --plan-file of promote, release, rollback, retention, copy and mirror writes, and lockage "
    "apply performs",
    "type": "object",
    "additionalProperties": False,
    "required": ["format_version", "command", "project", "request", "moves", "ledgers", "checksum"],
    "properties": {
        "format_version": {"const": 1},
        "command": {"enum": ["promote", "release", "rollback", "retention", "copy", "mirror"]},
        "project": {"type": "string", "description": "Of lockage.yml; empty for copy and mirror"},
        "request": {"type": "array", "items": {"type": "string"}, "description": "The command's arguments"},
        "moves": {
            "type": "array",
            "description": "Every tag that moves or is deleted, and every manifest that is deleted, by reference",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["reference", "from", "to"],
                "properties": {
                    "reference": {"type": "string"},
                    "from": {"anyOf": [_DIGEST, {"type": "null"}]},
                    "to": {"anyOf": [_DIGEST, {"type": "null"}], "description": "null: it is deleted"},
                    "reason": {"type": "string", "description": "Why"},
                },
            },
        },
        "ledgers": {
            "type": "object",
            "description": "The newest entry of each environment's ledger by digest, empty where there is none; "
            "(builds) is the repository of builds",
            "additionalProperties": {"anyOf": [_DIGEST, {"const": ""}]},
        },
        "checksum": {**_DIGEST, "description": "Of the other values as compact JSON with sorted keys"},
    },
}
