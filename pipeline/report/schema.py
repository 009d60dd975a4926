"""JSON Schema (draft 2020-12) of `report.json` and `lockage findings --json`: every field, and no other."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.model import Severity
from pipeline.policy import Effect, GateState

from .data import FORMAT_VERSION

Schema = Mapping[str, object]

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
        **_object(
            ("project", "command", "lockage", "made", "revision", "exit_code", "seconds", "images"),
            format_version={"const": FORMAT_VERSION},
            project=_text("The project's name"),
            command=_text("The command that was run"),
            lockage=_text("The version of Lockage"),
            made=_text("When the report was made (RFC 3339)"),
            revision=_text("The commit, or local"),
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
            "Location": _object(path=_text("Below the checkout"), line={"type": "integer", "minimum": 1}),
            "Error": _object(message=_TEXT, detail=_TEXT, hint=_TEXT),
        },
    }


def _target() -> Schema:
    test = _object(name=_TEXT, passed={"type": "boolean"}, detail=_TEXT)
    secret = _object(rule=_TEXT, path=_text("The file in the image"), severity=_SEVERITY)
    tool = {"$ref": "#/$defs/Tool"}
    return _object(
        id=_text("<image>/<tag>/<os>-<arch>, or the reference of an image that was named"),
        image=_TEXT,
        tag=_TEXT,
        platform=_TEXT,
        status=_text("built, reused, closed, failed, aborted; known or unknown to the registry; attested"),
        reason=_TEXT,
        digest=_or_none(_TEXT),
        reference=_or_none(_text("By digest, where the image is")),
        seconds={"type": "number"},
        location=_or_none({"$ref": "#/$defs/Location"}),
        size=_or_none(_COUNT),
        packages=_or_none(_COUNT),
        distribution=_or_none(_TEXT),
        scanned=_or_none(_text("When the scan was made (RFC 3339)")),
        verified=_or_none(
            {"description": "Whether attested findings are signed by the key", "type": "boolean"}
        ),
        tools={"type": "object", "additionalProperties": tool},
        verdicts={"type": "array", "items": {"$ref": "#/$defs/Verdict"}},
        error=_or_none({"$ref": "#/$defs/Error"}),
        tests=_or_none({"type": "array", "items": test}),
        secrets=_or_none({"type": "array", "items": secret}),
        severities=_or_none({"type": "object", "additionalProperties": _COUNT}),
        findings=_or_none({"type": "array", "items": {"$ref": "#/$defs/Finding"}}),
    )


def _finding() -> Schema:
    ignore = _object(
        id=_TEXT,
        package=_or_none(_TEXT),
        owner=_TEXT,
        reason=_TEXT,
        expires={"type": "string", "format": "date"},
    )
    layer = _object(diff_id=_TEXT, created_by=_text("The instruction, by the image's history"))
    return _object(
        id=_TEXT,
        severity=_SEVERITY,
        package=_TEXT,
        installed=_TEXT,
        fixed=_or_none(_text("The first version without it; null where there is none")),
        title=_TEXT,
        effect=_or_none({"description": "On the gate", "enum": [str(effect) for effect in Effect]}),
        ignore=_or_none({"description": "The entry that covers it, or did until it expired", **ignore}),
        first_seen=_or_none({**_DAY, "description": "The day of the first signed scan that has it"}),
        published=_or_none({**_DAY, "description": "The day of its publication"}),
        cvss=_or_none({"type": "number"}),
        url=_or_none(_TEXT),
        purl=_or_none(_TEXT),
        ecosystem=_or_none(_text("debian, alpine, jar, …")),
        paths={**_TEXTS, "description": "Files in the image; none for packages of the distribution"},
        layer=_or_none(layer),
        location=_or_none({"$ref": "#/$defs/Location"}),
    )


def _image() -> Schema:
    return _object(
        name=_TEXT,
        status=_TEXT,
        reason=_TEXT,
        reference=_or_none(_text("By digest, in the first environment")),
        signed={"type": "boolean"},
        tags={**_TEXTS, "description": "Tags in the environment that it was promoted to"},
        error=_or_none({"$ref": "#/$defs/Error"}),
    )


def _tool() -> Schema:
    return _object(
        name=_TEXT,
        version=_TEXT,
        data_date=_or_none(_text("The day of the data that judged")),
        data_digest=_or_none(_TEXT),
        data_age_days=_or_none({"type": "integer"}),
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
        },
        "required": ["gate", "passed", "state", "reasons", "notes"],
        "additionalProperties": False,
    }


def _object(optional: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _or_none(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
