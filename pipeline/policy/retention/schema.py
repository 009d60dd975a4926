"""JSON Schema (draft 2020-12) of `lockage retention --json`: what goes, what stays, and what became of it."""

from __future__ import annotations

from pipeline.util.json.schema import Schema, object_of, or_null, text

from .actions import FORMAT_VERSION

_TEXT = {"type": "string"}
_DIGEST = {"type": "string", "pattern": "^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"}
_COUNT = {"type": "integer", "minimum": 0}
_ACTIONS = {"type": "array", "items": {"$ref": "#/$defs/Action"}}


def retention_schema() -> Schema:
    """The schema of a plan. A `format_version` only gains fields; none is changed or removed."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:lockage:schema:retention:1",
        "title": "lockage retention --json",
        "description": "What one run of retention deletes, in order, and what stays",
        **object_of(
            ("outcomes",),
            format_version={"const": FORMAT_VERSION},
            project=text("The project's name"),
            time=text("When it was planned (RFC 3339)"),
            limit={**_COUNT, "description": "What one run deletes at most"},
            repositories={"type": "array", "items": _repository()},
            outcomes={
                "description": "With --apply: what became of it",
                "type": "array",
                "items": _outcome(),
            },
        ),
        "$defs": {"Action": _action(), "Digest": _DIGEST},
    }


def _digest(description: str) -> Schema:
    return {"$ref": "#/$defs/Digest", "description": description}


def _repository() -> Schema:
    return object_of(
        repository=text("host/path"),
        environment=or_null(text("The environment; null for the repository of builds")),
        image=text("The image's name"),
        based_on=_digest("Over the canonical JSON of all tags and what they named when it was planned"),
        delete={**_ACTIONS, "description": "In order: tags, then manifests, indexes before their children"},
        keep={
            "type": "array",
            "items": object_of(
                tag=text("The tag"), digest=_digest("What it names"), reason=text("Why it stays")
            ),
        },
        left={**_COUNT, "description": "What the limit leaves to the next run"},
    )


def _action() -> Schema:
    return object_of(
        ("tag",),
        kind={"enum": ["tag", "manifest"]},
        tag=text("The tag, of a deletion of a tag"),
        digest=_digest("The manifest, or what the tag named"),
        reason=text("Why it goes, or in `refused` why it stays"),
    )


def _outcome() -> Schema:
    return object_of(
        ("error",),
        repository=_TEXT,
        deleted=_ACTIONS,
        saved={
            **_ACTIONS,
            "description": "What something needs that came meanwhile, or that the registry keeps",
        },
        refused={**_ACTIONS, "description": "What the registry keeps"},
        checked={**_COUNT, "description": "Tags that stay and were checked afterwards"},
        broken={
            "description": "Tags that are not whole",
            "type": "array",
            "items": object_of(tag=_TEXT, missing=_digest("The manifest that is missing")),
        },
        error={"type": "object", "description": "What ended it early"},
    )
