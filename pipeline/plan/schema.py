"""JSON Schema (draft 2020-12) of `lockage plan --json`: every field, and no other."""

from __future__ import annotations

from typing import get_args

from pipeline.config import Entitlement, shapes
from pipeline.model import LintLevel, Severity
from pipeline.model.platform import SUPPORTED
from pipeline.util.json.schema import Schema, object_of, or_null, text

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
        **object_of(
            ("affected",),
            format_version={"const": FORMAT_VERSION},
            project=text("The project's name"),
            snapshot_id=or_null(text("What every tag ends in, when the plan is a snapshot's")),
            lock=object_of(
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
                "items": object_of(id=_TEXT, reasons={**_TEXTS, "minItems": 1}),
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
    return object_of(
        ("checks",),
        id=text("<image>/<tag>/<os>-<arch>[-<variant>]"),
        image=text("The image's name"),
        tag=_ref("Tag", "The tag, with the variant's suffix"),
        base_tag=_ref("Tag", "The tag without it"),
        variant=or_null(text("The variant's name")),
        platform=_ref("Platform"),
        tags={
            "description": "Every tag and alias that its index bears, the tag itself first",
            "type": "array",
            "items": {"$ref": "#/$defs/Tag"},
            "minItems": 1,
        },
        bases={"type": "array", "items": {"$ref": "#/$defs/Base"}},
        external=or_null(text("An image built elsewhere that this target is; pinned where it is locked")),
        syntax=or_null(text("The frontend that reads the Dockerfile; null for BuildKit's own")),
        key=or_null(
            {
                "description": "The hash of everything it is made of; null where a base is not locked",
                "type": "string",
                "pattern": "^[0-9a-f]{64}$",
            }
        ),
        dockerfile=or_null(object_of(template=_TEMPLATE, digest=_ref("Digest"))),
        test=or_null(object_of(template=_TEMPLATE, digest=_ref("Digest"))),
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
    name = text("As the Dockerfile says it, variables replaced")
    platform = text("FROM --platform=…, where it is not the target's own")
    internal = object_of(
        ("platform",), kind={"const": "internal"}, name=name, target=_TEXT, platform=platform
    )
    external = object_of(
        ("platform",), kind={"const": "external"}, name=name, reference=_TEXT, platform=platform
    )
    return {"oneOf": [internal, external]}


def _context() -> Schema:
    common = {"name": text("What it stands in for"), "source": text("As image.yml says it")}
    entries = {"type": "array", "items": {"$ref": "#/$defs/RootfsEntry"}}
    return {
        "oneOf": [
            object_of(kind={"const": "image"}, target=text("The target that it is"), **common),
            object_of(kind={"const": "image"}, reference=text("Pinned where the lock knows it"), **common),
            object_of(kind={"const": "url"}, **common),
            object_of(kind={"const": "folder"}, entries=entries, **common),
        ]
    }


def _check() -> Schema:
    variables: Schema = {"type": "object", "additionalProperties": _TEXT}
    ports: Schema = {"type": "array", "items": {"type": "integer"}}
    service = object_of(arguments=or_null(_TEXTS), environment=variables, ports=ports)
    return object_of(
        name=_TEXT,
        command=_TEXTS,
        image=or_null(text("Pinned where the lock knows it; null for the image under test")),
        service=or_null(service),
        environment=variables,
        timeout={"type": "integer", "description": "Seconds"},
        junit=or_null(text("A report below /reports")),
        files={"type": "array", "items": {"$ref": "#/$defs/RootfsEntry"}},
    )


def _entry() -> Schema:
    common = {
        "path": text("Below rootfs/, or below the context's folder"),
        "mode": {"type": "string", "pattern": "^[0-7]{4}$"},
        "origin": text("The file that won, below the root"),
    }
    size = {"type": "integer", "minimum": 0}
    return {
        "oneOf": [
            object_of(kind={"const": "file"}, digest=_ref("Digest"), size=size, **common),
            object_of(kind={"const": "link"}, target=_TEXT, **common),
            object_of(kind={"const": "dir"}, **common),
        ]
    }


def _gates() -> Schema:
    ignore = object_of(
        id=_TEXT,
        package=or_null(_TEXT),
        owner=_TEXT,
        reason=_TEXT,
        expires={"type": "string", "format": "date"},
    )
    document: Schema = {"file": text("Its path from lockage.yml"), "digest": _ref("Digest")}
    fail_or_warn: Schema = {"enum": ["fail", "warn"]}
    severities: Schema = {"type": "array", "items": {"enum": [str(s) for s in Severity]}}
    return object_of(
        ("licenses", "tests"),
        vulnerabilities=object_of(
            ("grace", "cvss", "known_exploited", "vex", "scanner"),
            fail_on=severities,
            unfixed=fail_or_warn,
            max_age=or_null({"type": "integer", "description": "Days"}),
            stale=fail_or_warn,
            unexamined=fail_or_warn,
            ignore={"type": "array", "items": ignore},
            grace={
                "type": "object",
                "description": "Days by severity",
                "additionalProperties": {"type": "integer", "minimum": 0},
            },
            cvss={"type": "number", "exclusiveMinimum": 0, "maximum": 10},
            known_exploited={"type": "array", "items": object_of(version=_TEXT, **document)},
            vex={"type": "array", "items": object_of(**document)},
            scanner={"enum": ["trivy", "grype", "both"], "description": "Where it is missing, trivy"},
        ),
        secrets={"anyOf": [fail_or_warn, object_of(fail_on=severities, allow=_waivers("path", "rule"))]},
        size=object_of(
            ("target", "growth"),
            max=or_null({"type": "integer", "description": "Bytes of compressed layers"}),
            target={"type": "integer", "description": "Likewise; above it there is a note"},
            growth={"type": ["integer", "string"], "description": "Bytes, or a percentage such as 10%"},
        ),
        licenses=object_of(
            allow=_TEXTS,
            deny=_TEXTS,
            unknown={"enum": ["fail", "warn", "pass"]},
            exceptions=_waivers("package", "license"),
        ),
        tests={"enum": ["required", "optional"]},
        lint=object_of(fail_on=or_null({"enum": [str(level) for level in LintLevel]}), ignore=_TEXTS),
    )


def _waivers(subject: str, narrower: str) -> Schema:
    """Entries that let something pass until a day."""
    fields = {subject: _TEXT, narrower: or_null(_TEXT)}
    expires: Schema = {"type": "string", "format": "date"}
    return {"type": "array", "items": object_of(owner=_TEXT, reason=_TEXT, expires=expires, **fields)}


def _ref(name: str, description: str | None = None) -> Schema:
    return {"$ref": f"#/$defs/{name}", **({"description": description} if description else {})}
