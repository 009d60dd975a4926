"""JSON Schema (draft 2020-12) of `report.json` and `lockage findings --json`: every field, and no other."""

from __future__ import annotations

from pipeline.model import Severity
from pipeline.policy import Effect, GateState
from pipeline.util.json.schema import Schema, object_of, or_null, text

from .data import FORMAT_VERSION

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_DAY: Schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SEVERITY: Schema = {"enum": [str(severity) for severity in Severity]}


def report_schema() -> Schema:
    """The report's schema. A `format_version` only gains fields; none is changed or removed."""
    return {
        "$schema": _DIALECT,
        "$id": "urn:lockage:schema:report:1",
        "title": "report.json of --reports; lockage findings --json has format_version and targets",
        "description": "What became of each target, and what the tools found in it",
        **object_of(
            ("project", "command", "lockage", "made", "revision", "exit_code", "seconds", "images"),
            format_version={"const": FORMAT_VERSION},
            project=text("The project's name"),
            command=text("The command that was run"),
            lockage=text("The version of Lockage"),
            made=text("When the report was made (RFC 3339)"),
            revision=text("The commit, or local"),
            exit_code=_COUNT,
            seconds={"type": "number"},
            images={"type": "array", "items": {"$ref": "#/$defs/Image"}},
            targets={"type": "array", "items": {"$ref": "#/$defs/Target"}},
        ),
        "$defs": {
            "Target": _target(),
            "Image": _image(),
            "Finding": _finding(),
            "Tool": _tool(),
            "Verdict": _verdict(),
            "Location": object_of(path=text("Below the checkout"), line={"type": "integer", "minimum": 1}),
            "Error": object_of(message=_TEXT, detail=_TEXT, hint=_TEXT),
        },
    }


def _target() -> Schema:
    test = object_of(name=_TEXT, passed={"type": "boolean"}, detail=_TEXT)
    secret = object_of(rule=_TEXT, path=text("The file in the image"), severity=_SEVERITY)
    tool = {"$ref": "#/$defs/Tool"}
    return object_of(
        id=text("<image>/<tag>/<os>-<arch>, or the reference of an image that was named"),
        image=_TEXT,
        tag=_TEXT,
        platform=_TEXT,
        status=text("built, reused, closed, failed, aborted; known or unknown to the registry; attested"),
        reason=_TEXT,
        digest=or_null(_TEXT),
        reference=or_null(text("By digest, where the image is")),
        seconds={"type": "number"},
        location=or_null({"$ref": "#/$defs/Location"}),
        size=or_null(_COUNT),
        packages=or_null(_COUNT),
        distribution=or_null(_TEXT),
        scanned=or_null(text("When the scan was made (RFC 3339)")),
        verified=or_null(
            {"description": "Whether attested findings are signed by the key", "type": "boolean"}
        ),
        tools={"type": "object", "additionalProperties": tool},
        verdicts={"type": "array", "items": {"$ref": "#/$defs/Verdict"}},
        error=or_null({"$ref": "#/$defs/Error"}),
        tests=or_null({"type": "array", "items": test}),
        secrets=or_null({"type": "array", "items": secret}),
        severities=or_null({"type": "object", "additionalProperties": _COUNT}),
        findings=or_null({"type": "array", "items": {"$ref": "#/$defs/Finding"}}),
    )


def _finding() -> Schema:
    ignore = object_of(
        id=_TEXT,
        package=or_null(_TEXT),
        owner=_TEXT,
        reason=_TEXT,
        expires={"type": "string", "format": "date"},
    )
    layer = object_of(diff_id=_TEXT, created_by=text("The instruction, by the image's history"))
    return object_of(
        ("scanners", "aliases"),
        id=_TEXT,
        severity=_SEVERITY,
        package=_TEXT,
        installed=_TEXT,
        fixed=or_null(text("The first version without it; null where there is none")),
        title=_TEXT,
        effect=or_null({"description": "On the gate", "enum": [str(effect) for effect in Effect]}),
        taken_out=or_null(text("What lets it pass, why and until when: an ignore, VEX, or its grace")),
        ignore=or_null({"description": "The entry that covers it, or did until it expired", **ignore}),
        first_seen=or_null({**_DAY, "description": "The day of the first signed scan that has it"}),
        published=or_null({**_DAY, "description": "The day of its publication"}),
        cvss=or_null({"type": "number"}),
        url=or_null(_TEXT),
        purl=or_null(_TEXT),
        scanners={**_TEXTS, "description": "Who reported it; missing where only trivy looked"},
        aliases={**_TEXTS, "description": "Its other ids, where grype took part"},
        ecosystem=or_null(text("debian, alpine, jar, …")),
        paths={**_TEXTS, "description": "Files in the image; none for packages of the distribution"},
        layer=or_null(layer),
        location=or_null({"$ref": "#/$defs/Location"}),
    )


def _image() -> Schema:
    return object_of(
        name=_TEXT,
        status=_TEXT,
        reason=_TEXT,
        reference=or_null(text("By digest, in the first environment")),
        signed={"type": "boolean"},
        tags={**_TEXTS, "description": "Tags in the environment that it was promoted to"},
        error=or_null({"$ref": "#/$defs/Error"}),
    )


def _tool() -> Schema:
    return object_of(
        name=_TEXT,
        version=_TEXT,
        data_date=or_null(text("The day of the data that judged")),
        data_digest=or_null(_TEXT),
        data_age_days=or_null({"type": "integer"}),
    )


def _verdict() -> Schema:
    return {
        "type": "object",
        "properties": {
            "gate": _TEXT,
            "passed": {"type": "boolean"},
            "state": {"enum": [str(state) for state in GateState]},
            "reasons": _TEXTS,
            "notes": _TEXTS,
            "hint": or_null(text("What would open the gate")),
        },
        "required": ["gate", "passed", "state", "reasons", "notes", "hint"],
        "additionalProperties": False,
    }
