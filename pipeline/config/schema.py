"""JSON Schema (draft 2020-12) of what people write: image.yml, a variant's image.yml, lockage.yml; and of the lock.

Made from the models, so that it cannot say something else. What a schema cannot say is left to the models:
rules between keys (two environments with one name), whether a file is there, whether a tag exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import shapes
from .image import ImageFile, VariantFile
from .lock import FORMAT_VERSION
from .project import ProjectFile

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


def image_schema() -> dict[str, Any]:
    """image.yml of an image or a version."""
    return _of(ImageFile, "image", "image.yml", "An image of the catalogue: its tags and variants")


def variant_schema() -> dict[str, Any]:
    """image.yml in a variant's own folder."""
    return _of(VariantFile, "variant", "image.yml of a variant", "A variant with a folder of its own")


def project_schema() -> dict[str, Any]:
    """lockage.yml."""
    return _of(
        ProjectFile, "project", "lockage.yml", "Where images go, what they stand on, what closes a gate"
    )


def lock_schema() -> dict[str, Any]:
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


def _of(model: Any, kind: str, title: str, description: str) -> dict[str, Any]:
    made = model.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = {}
    for name, schema in made.pop("$defs", {}).items():
        tidied = _tidied(schema)
        definitions[name] = {"anyOf": [tidied["properties"]["name"], tidied]} if name in _BARE else tidied
    body = {**_tidied(made), "title": title, "description": description}
    known = str({"body": body, "definitions": definitions})
    for name, shape in _SHAPES.items():
        if f"#/$defs/{name}'" in known:
            definitions[name] = dict(shape)
    head = {"$schema": DIALECT, "$id": identity(kind), "title": title, "description": description}
    return {**head, **body, "$defs": dict(sorted(definitions.items()))}


def _tidied(schema: Any) -> Any:
    """Without the titles that only repeat a key and the defaults that only say "nothing"; shapes by name."""
    if isinstance(schema, list):
        return [_tidied(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    out = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: _tidied(one) for name, one in value.items()}
        elif not (key in ("title", "discriminator") or (key == "default" and value in (None, [], {}))):
            out[key] = _tidied(value)
    return _shape(out)


def _shape(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that says a shape, with the shape by its name and what else it says beside it."""
    for name, shape in _SHAPES.items():
        if all(schema.get(key) == value for key, value in shape.items()):
            return {"$ref": f"#/$defs/{name}", **{k: v for k, v in schema.items() if k not in shape}}
    return dict(schema)
