"""JSON Schema (draft 2020-12) of what people write: image.yml, a variant's image.yml, lockage.yml; and of the lock.

Generated from the models, so that the two cannot differ. What a schema cannot express is left to the models: rules
between keys (two environments with one name), whether a file or a tag exists.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.util.json.values import as_object

from . import shapes
from .base import Model
from .ci_jobs import CiJobs
from .image import ImageFile, VariantFile
from .lock import FORMAT_VERSION
from .project import ProjectFile
from .verification.rules import VerificationFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DIGEST = {"type": "string", "pattern": "^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"}

_BARE = ("TagEntry", "VariantEntry")  # may be written as a name alone
_SHAPES = {
    "Reference": shapes.REFERENCE,
    "Platform": shapes.PLATFORM,
    "Tag": shapes.TAG,
    "Severity": shapes.SEVERITY,
}


def identity(kind: str) -> str:
    """The `$id` of a schema: a name, not an address that anything would be fetched from."""
    return f"urn:lockage:schema:{kind}:1"


def image_schema() -> dict[str, object]:
    """image.yml of an image or a version."""
    return _of(ImageFile, "image", "image.yml", "An image of the catalogue: its tags and variants")


def variant_schema() -> dict[str, object]:
    """image.yml in a variant's own folder."""
    return _of(VariantFile, "variant", "image.yml of a variant", "A variant with a folder of its own")


def project_schema() -> dict[str, object]:
    """lockage.yml."""
    return _of(
        ProjectFile, "project", "lockage.yml", "Where images go, what they are based on, what closes a gate"
    )


def verification_schema() -> dict[str, object]:
    """A file of `lockage verify --rules`."""
    return _of(
        VerificationFile,
        "verification",
        "Rules of lockage verify",
        "What images have to prove before they are used",
    )


def ci_schema() -> dict[str, object]:
    """ci/lockage.yml."""
    return _of(CiJobs, "ci", "ci/lockage.yml", "What the jobs of a CI are generated from")


def lock_schema() -> dict[str, object]:
    """lockage.lock."""
    entry = {
        "type": "object",
        "properties": {"digest": {"$ref": "#/$defs/Digest"}},
        "required": ["digest"],
        "additionalProperties": False,
    }
    return {
        "$schema": DIALECT,
        "$id": identity("lock"),
        "title": "lockage.lock",
        "description": "The digest of every base and tool, as `lockage lock` resolved them",
        "type": "object",
        "properties": {
            "format_version": {"const": FORMAT_VERSION},
            "images": {
                "description": "By reference, written in full: host/path:tag",
                "type": "object",
                "propertyNames": {"pattern": shapes.FULL_REFERENCE},
                "additionalProperties": entry,
            },
        },
        "required": ["format_version", "images"],
        "additionalProperties": False,
        "$defs": {"Digest": DIGEST},
    }


def _of(model: type[Model], kind: str, title: str, description: str) -> dict[str, object]:
    generated: dict[str, object] = model.model_json_schema(by_alias=True)
    definitions: dict[str, object] = {}
    for name, schema in as_object(generated.pop("$defs", {})).items():
        definition = _simplified(as_object(schema))
        if name in _BARE:
            definition = {"anyOf": [as_object(definition["properties"])["name"], definition]}
        definitions[name] = definition
    body = {**_simplified(generated), "title": title, "description": description}
    text = str({"body": body, "definitions": definitions})
    for name, shape in _SHAPES.items():
        if f"#/$defs/{name}'" in text:
            definitions[name] = dict(shape)
    head = {"$schema": DIALECT, "$id": identity(kind), "title": title, "description": description}
    return {**head, **body, "$defs": dict(sorted(definitions.items()))}


def _simplified(schema: Mapping[str, object]) -> dict[str, object]:
    """Without titles that repeat a key and defaults that are empty; shapes by name."""
    out: dict[str, object] = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: _simplified(as_object(entry)) for name, entry in as_object(value).items()}
        elif not (key in ("title", "discriminator") or (key == "default" and value in (None, [], {}))):
            out[key] = _simplified_value(value)
    return _named_shape(out)


def _simplified_value(value: object) -> object:
    if isinstance(value, list):
        return [_simplified_value(element) for element in value]
    return _simplified(value) if isinstance(value, dict) else value


def _named_shape(schema: Mapping[str, object]) -> dict[str, object]:
    """A schema that holds a shape, with a reference to the shape in its place."""
    for name, shape in _SHAPES.items():
        if all(schema.get(key) == value for key, value in shape.items()):
            return {"$ref": f"#/$defs/{name}", **{k: v for k, v in schema.items() if k not in shape}}
    return dict(schema)
