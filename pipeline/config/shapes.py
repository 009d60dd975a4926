"""What JSON Schema says of the small types: the patterns of their grammars, for editors that check as one types.

Every scalar of a file is read as it is written, so that `1.10` and `no` are texts like any other. An editor
has read them as a number or a boolean before it looks at the schema; so those are let through, and only texts
are held against a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.model import LintLevel, Severity
from pipeline.model.platform import SUPPORTED
from pipeline.model.tag_template import FIELDS

Schema = Mapping[str, object]

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_NO_DOT = r"[a-z0-9]+(?:(?:_|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_RUN = r"(?:[a-z0-9]|\{image\})+"  # {image} stands for a name, wherever letters may stand
_WITH_IMAGE = rf"{_RUN}(?:(?:\.|_|__|-+){_RUN})*"
_UNITS = "B|kB|KB|MB|GB|KiB|MiB|GiB"


def _texts(pattern: str, **more: object) -> Schema:
    return {"type": ["string", "number", "boolean"], "minimum": 0, "pattern": f"^(?:{pattern})$", **more}


def matching(pattern: re.Pattern[str]) -> Schema:
    """A text of at most 128 characters that is all of a pattern."""
    return _texts(pattern.pattern, maxLength=128)


def suffix(pattern: re.Pattern[str]) -> Schema:
    """A text that starts with - or _; to an editor it may be a number below zero."""
    return {**matching(pattern), "type": ["string", "number"], "minimum": -(10**9), "exclusiveMaximum": 0}


def named(pattern: str, values: Schema) -> Schema:
    """A mapping of names that are all of a pattern."""
    names = {"pattern": f"^(?:{pattern})$", "maxLength": 128}
    return {"type": "object", "propertyNames": names, "additionalProperties": dict(values)}


SCALAR: Schema = {"type": ["string", "number", "boolean"]}

_FIELD = rf"\{{(?:{'|'.join(FIELDS)})\}}"
_OF_COMMIT = r"(?=.*\{(?:sha|short|branch|pr)\})"
_TEMPLATE: Schema = {
    "type": "string",
    "pattern": rf"^{_OF_COMMIT}(?:[A-Za-z0-9_]|{_FIELD})(?:[A-Za-z0-9_.-]|{_FIELD})*$",
}
COMMIT_TAG: Schema = {
    "anyOf": [
        _TEMPLATE,
        {
            "type": "object",
            "properties": {
                "tag": _TEMPLATE,
                "branches": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
            },
            "required": ["tag", "branches"],
            "additionalProperties": False,
        },
    ]
}
NOT_EMPTY: Schema = {**SCALAR, "minLength": 1}
TAG = _texts(_TAG)
TAG_PATTERN = _texts(r"[A-Za-z0-9_*][A-Za-z0-9_.*-]{0,127}")
TEMPLATE = _texts(r"(?!/)(?!(?:[^\\]*/)?\.\.(?:/|$))[^\\\u0000]+")
# A first component is a host where it has a dot, a colon or a capital; else it belongs to the path.
REFERENCE: Schema = {
    "type": "string",
    "maxLength": 1024,
    "pattern": rf"^(?:{_HOST}/{_PATH}|{_NO_DOT}(?:/{_COMPONENT})*|{_COMPONENT})(?::{_TAG})?$",
}
UNTAGGED: Schema = {
    "type": "string",
    "maxLength": 1024,
    "pattern": rf"^(?:{_HOST}/{_PATH}|{_NO_DOT}(?:/{_COMPONENT})*|{_COMPONENT})$",
}
_SEGMENT = r"(?!\.{1,2}(?:/|$))[^/\\\u0000]+"
_FOLDER = rf"\./{_SEGMENT}(?:/{_SEGMENT})*/?"
CONTEXTS: Schema = {
    "type": "object",
    "propertyNames": {
        "pattern": rf"^(?!(?:scratch|context)$)(?:{_HOST}/{_PATH}|{_PATH})(?::{_TAG})?(?:@sha256:[0-9a-f]{{64}})?$"
    },
    "additionalProperties": {
        "type": "string",
        "pattern": rf"^(?:docker-image://\S+|(?:https?|git)://\S+|git@\S+:\S+|{_FOLDER})$",
    },
}
# As the lock writes it: host, path and tag.
FULL_REFERENCE = rf"^{_HOST}/{_PATH}:{_TAG}$"
PLATFORM: Schema = {
    "type": "string",
    "enum": [*SUPPORTED, "amd64", "arm64", "arm", "ppc64le", "s390x", "x86_64", "aarch64"],
}
REGISTRY: Schema = {"type": "string", "pattern": rf"^{_HOST}(?:/(?:{_PATH})?)?$"}
REPOSITORY = _texts(_PATH)
REPOSITORY_SUFFIX = rf"(?:/|[._]|__|-+){_COMPONENT}"
SUFFIX: Schema = {"type": "string", "pattern": f"^{REPOSITORY_SUFFIX}$"}
REPOSITORY_OF_IMAGE: Schema = {
    "type": "string",
    "pattern": rf"^(?=[^{{]*\{{image\}}[^{{]*$){_WITH_IMAGE}(?:/{_WITH_IMAGE})*$",
}
SIZE: Schema = {
    "type": ["string", "number"],
    "minimum": 1,
    "pattern": rf"^\s*(?=[0-9.]*[1-9])[0-9]+(?:\.[0-9]+)?\s*(?:{_UNITS})?\s*$",
}
GROWTH: Schema = {
    "type": ["string", "number"],
    "minimum": 0,
    "pattern": rf"^\s*[0-9]+(?:\.[0-9]+)?\s*(?:%|{_UNITS})?\s*$",
}
SEVERITY: Schema = {"type": "string", "enum": [*map(str, Severity), *(s.lower() for s in Severity)]}
DAYS: Schema = {
    "type": ["string", "integer"],
    "minimum": 1,
    "maximum": 3650,
    "pattern": r"^\s*0*(?:[1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|36[0-4][0-9]|3650)d?\s*$",
}
_GRACE_DAYS: Schema = {
    "type": ["string", "integer"],
    "minimum": 0,
    "maximum": 3650,
    "pattern": r"^\s*(?=[0-9]{1,4}d?\s*$)0*(?:0|[1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|36[0-4][0-9]|3650)d?\s*$",
}
GRACE: Schema = {
    "type": ["string", "integer", "object"],
    "minimum": 0,
    "maximum": 3650,
    "pattern": _GRACE_DAYS["pattern"],
    "propertyNames": SEVERITY,
    "additionalProperties": _GRACE_DAYS,
}
CATALOGUE_FILE: Schema = {"type": "string", "pattern": rf"^images(?:/{_SEGMENT})+$"}
LINT_LEVEL: Schema = {"type": "string", "enum": [*map(str, LintLevel), *(s.upper() for s in LintLevel)]}
DAY: Schema = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
VERSION: Schema = {"const": 1}


def one_or_more(item: Schema) -> Schema:
    """A value, or a list of them that is not empty."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


DATABASE_LISTING_PATTERN = (
    r"(https://[A-Za-z0-9.:_-]+|http://(localhost|127\.0\.0\.1)(:[0-9]+)?)/[A-Za-z0-9._~%/-]*\.json"
)
DATABASE_LISTING: Schema = {"type": "string", "pattern": f"^{DATABASE_LISTING_PATTERN}$"}

_RESTRICTED_NAME = "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"  # RFC 6838, section 4.2
MEDIA_TYPE_PATTERN = f"{_RESTRICTED_NAME}/{_RESTRICTED_NAME}"
MEDIA_TYPE: Schema = {"type": "string", "pattern": f"^{MEDIA_TYPE_PATTERN}$"}
