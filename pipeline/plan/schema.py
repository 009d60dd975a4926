"""JSON Schema (draft 2020-12) of `lockage plan --json`: every field, and no other."""

from __future__ import annotations

from typing import get_args

from pipeline.config import Entitlement, shapes
from pipeline.config.shapes import Schema
from pipeline.model import LintLevel, Severity
from pipeline.model.platform import SUPPORTED

from .plan import FORMAT_VERSION

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_DIGEST = {"type": "string", "pattern": "^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"}
_TEMPLATE = {"type": "string", "description": "The template's path below the root"}


def plan_schema() -> Schema:
    """The plan's schema. A `format_version` only gains fields; none is changed or removed."""
    return {
        "$schema": _DIALECT,
        "$id": "urn:lockage:schema:plan:1",
        "title": "lockage plan --json",
        "description": "What there is to build: every target, in an order in which they can be built",
        **_object(
            ("affected",),
            format_version={"const": FORMAT_VERSION},
            project=_text("The project's name"),
            snapshot_id=_or_none(_text("What every tag ends in, when the plan is a snapshot's")),
            lock=_object(
                state={"enum": ["none", "partial", "complete"]},
                missing={**_TEXTS, "description": "References that the lock does not know"},
            ),
            tools={
                "description": "Images of the tools by their key in lockage.yml, pinned where the lock knows them",
                "type": "object",
                "additionalProperties": _TEXT,
            },
            targets={"type": "array", "items": {"$ref": "#/$defs/Target"}},
            affected={
                "description": "With --affected or --changed-files-from: what a change touches, and why",
                "type": "array",
                "items": _object(id=_TEXT, reasons={**_TEXTS, "minItems": 1}),
            },
        ),
        "$defs": {
            "Digest": _DIGEST,
            "Platform": {"enum": list(SUPPORTED)},
            "Tag": {"type": "string", "pattern": shapes.TAG["pattern"]},
            "Target": _target(),
            "Base": _base(),
            "Check": _check(),
            "Context": _context(),
            "RootfsEntry": _entry(),
            "Gates": _gates(),
        },
    }


def _target() -> Schema:
    return _object(
        ("checks",),
        id=_text("<image>/<tag>/<os>-<arch>[-<variant>]"),
        image=_text("The image's name"),
        tag=_ref("Tag", "The tag, with the variant's suffix"),
        base_tag=_ref("Tag", "The tag without it"),
        variant=_or_none(_text("The variant's name")),
        platform=_ref("Platform"),
        tags={
            "description": "Every tag and alias that its index bears, the tag itself first",
            "type": "array",
            "items": {"$ref": "#/$defs/Tag"},
            "minItems": 1,
        },
        bases={"type": "array", "items": {"$ref": "#/$defs/Base"}},
        external=_or_none(_text("An image built elsewhere that this target is; pinned where it is locked")),
        syntax=_or_none(_text("The frontend that reads the Dockerfile; null for BuildKit's own")),
        key=_or_none(
            {
                "description": "The hash of everything it is made of; null where a base is not locked",
                "type": "string",
                "pattern": "^[0-9a-f]{64}$",
            }
        ),
        dockerfile=_or_none(_object(template=_TEMPLATE, digest=_ref("Digest"))),
        test=_or_none(_object(template=_TEMPLATE, digest=_ref("Digest"))),
        checks={"type": "array", "items": {"$ref": "#/$defs/Check"}},
        rootfs={"type": "array", "items": {"$ref": "#/$defs/RootfsEntry"}},
        labels={"type": "object", "additionalProperties": _TEXT},
        arguments={
            "description": "Build arguments, as --build-arg",
            "type": "object",
            "additionalProperties": _TEXT,
        },
        contexts={"type": "array", "items": {"$ref": "#/$defs/Context"}},
        secrets={**_TEXTS, "description": "Ids of the secrets that RUN may mount"},
        ssh={**_TEXTS, "description": "Ids of the ssh entries that RUN may mount"},
        entitlements={"type": "array", "items": {"enum": list(get_args(Entitlement))}},
        gates=_ref("Gates"),
        warnings=_TEXTS,
    )


def _base() -> Schema:
    name = _text("As the Dockerfile says it, variables replaced")
    platform = _text("FROM --platform=…, where it is not the target's own")
    internal = _object(("platform",), kind={"const": "internal"}, name=name, target=_TEXT, platform=platform)
    external = _object(
        ("platform",), kind={"const": "external"}, name=name, reference=_TEXT, platform=platform
    )
    return {"oneOf": [internal, external]}


def _context() -> Schema:
    common = {"name": _text("What it stands in for"), "source": _text("As image.yml says it")}
    entries = {"type": "array", "items": {"$ref": "#/$defs/RootfsEntry"}}
    return {
        "oneOf": [
            _object(kind={"const": "image"}, target=_text("The target that it is"), **common),
            _object(kind={"const": "image"}, reference=_text("Pinned where the lock knows it"), **common),
            _object(kind={"const": "url"}, **common),
            _object(kind={"const": "folder"}, entries=entries, **common),
        ]
    }


def _check() -> Schema:
    variables: Schema = {"type": "object", "additionalProperties": _TEXT}
    ports: Schema = {"type": "array", "items": {"type": "integer"}}
    service = _object(arguments=_or_none(_TEXTS), environment=variables, ports=ports)
    return _object(
        name=_TEXT,
        command=_TEXTS,
        image=_or_none(_text("Pinned where the lock knows it; null for the image under test")),
        service=_or_none(service),
        environment=variables,
        timeout={"type": "integer", "description": "Seconds"},
        junit=_or_none(_text("A report below /reports")),
        files={"type": "array", "items": {"$ref": "#/$defs/RootfsEntry"}},
    )


def _entry() -> Schema:
    common = {
        "path": _text("Below rootfs/, or below the context's folder"),
        "mode": {"type": "string", "pattern": "^[0-7]{4}$"},
        "origin": _text("The file that won, below the root"),
    }
    size = {"type": "integer", "minimum": 0}
    return {
        "oneOf": [
            _object(kind={"const": "file"}, digest=_ref("Digest"), size=size, **common),
            _object(kind={"const": "link"}, target=_TEXT, **common),
            _object(kind={"const": "dir"}, **common),
        ]
    }


def _gates() -> Schema:
    ignore = _object(
        id=_TEXT,
        package=_or_none(_TEXT),
        owner=_TEXT,
        reason=_TEXT,
        expires={"type": "string", "format": "date"},
    )
    fail_or_warn = {"enum": ["fail", "warn"]}
    severities = {"type": "array", "items": {"enum": [str(s) for s in Severity]}}
    return _object(
        vulnerabilities=_object(
            fail_on=severities,
            unfixed=fail_or_warn,
            max_age=_or_none({"type": "integer", "description": "Days"}),
            stale=fail_or_warn,
            unexamined=fail_or_warn,
            ignore={"type": "array", "items": ignore},
        ),
        secrets=fail_or_warn,
        size=_object(max=_or_none({"type": "integer", "description": "Bytes of compressed layers"})),
        lint=_object(fail_on=_or_none({"enum": [str(level) for level in LintLevel]}), ignore=_TEXTS),
    )


def _object(optional: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _ref(name: str, description: str | None = None) -> Schema:
    return {"$ref": f"#/$defs/{name}", **({"description": description} if description else {})}


def _or_none(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
