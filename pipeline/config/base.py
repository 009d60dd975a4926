"""What all models share: frozen, unknown keys refused, and the small types of their fields."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainValidator, WithJsonSchema

from pipeline.model import Platform, Reference, TagTemplate, valid_tag

from . import shapes
from .yaml import YamlValue

_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_VARIANT = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_SUFFIX = re.compile(r"[-_][A-Za-z0-9_.-]*[A-Za-z0-9]")
_OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?")
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# what the build sets itself: the platforms, the time, the builder's own switches
_RESERVED = re.compile(
    r"SOURCE_DATE_EPOCH|BUILDKIT_.*|(?:TARGET|BUILD)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT)|TARGETSTAGE"
)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")

# Plug-ins of pydantic that happen to be installed could change what a file means, and searching every installed
# distribution for them takes as long as making the models: pydantic finds none.
_no_plugins = ModuleType("pydantic.plugin._loader")
vars(_no_plugins).update(get_plugins=tuple)
sys.modules.setdefault(_no_plugins.__name__, _no_plugins)

# words only: a number (1, 0) is no switch, though pydantic would take it for one
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class Model(BaseModel):
    """Frozen, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)


class Mistake(ValueError):
    """A mistake that only the whole file shows, with its place below the model that finds it."""

    def __init__(self, message: str, place: tuple[str | int, ...]) -> None:
        super().__init__(message)
        self.place = place


def _matching(pattern: re.Pattern[str], description: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text) or len(text) > 128:
            raise ValueError(f"{text[:80]!r} is not {description}")
        return text

    return AfterValidator(check)


def _argument(text: str) -> str:
    if _RESERVED.fullmatch(text):
        raise ValueError(f"{text[:80]} is set by the build itself and cannot be given")
    if not _ARGUMENT.fullmatch(text) or len(text) > 128:
        raise ValueError(f"{text[:80]!r} is not an ARG's name (letters, digits and _, no digit first)")
    return text


def _tag(text: str) -> str:
    if not valid_tag(text):
        raise ValueError(
            f"{text[:80]!r} is not a tag (at most 128 letters, digits, '_', '.', '-'; not first '.' or '-')"
        )
    return text


def _template_path(text: str) -> str:
    if text.startswith("/") or "\\" in text or "\0" in text or ".." in text.split("/") or not text:
        raise ValueError(f"{text[:80]!r} is not a path below the image's folder")
    return text


def _reference(value: object) -> Reference:
    """A reference with a tag (`latest` if none was written) and no digest: digests live in the lock."""
    if isinstance(value, Reference):
        return value
    if not isinstance(value, str):
        raise ValueError("an image reference is expected")
    reference = Reference.parse(str(value))
    if reference.digest:
        raise ValueError("a digest is written here; name a tag, `lockage lock` keeps the digest")
    return reference if reference.tag else reference.repository.tagged("latest")


def _platform(value: object) -> Platform:
    if isinstance(value, Platform):
        return value
    if not isinstance(value, str):
        raise ValueError("a platform is expected, such as linux/amd64")
    return Platform.parse(value)


def _commit_tag(value: object) -> TagTemplate:
    if isinstance(value, TagTemplate):
        return value
    if isinstance(value, dict) and set(value) == {"tag", "branches"}:
        branches = value["branches"]
        if (
            not isinstance(branches, list)
            or not branches
            or not all(isinstance(b, str) and b for b in branches)
        ):
            raise ValueError("branches: is a list of patterns, such as [main, release/*]")
        return TagTemplate.parse(str(value["tag"]), tuple(map(str, branches)))
    if not isinstance(value, str):
        raise ValueError(
            "a tag's template is expected: ci-{sha}-{tag}, or {tag: ci-passed-{sha}, branches: [main]}"
        )
    return TagTemplate.parse(str(value))


def _flag(value: object) -> object:
    if isinstance(value, str):
        if value.lower() not in _FLAGS:
            raise ValueError("true or false is expected")
        return _FLAGS[value.lower()]
    return value


def free_form(value: object) -> object:
    """Free values: a plain `true`/`false` is a bool, a plain decimal integer an int, all else as written."""
    if isinstance(value, YamlValue):
        if value in ("true", "false"):
            return value == "true"
        return int(value) if _INTEGER.fullmatch(value) else str(value)
    if isinstance(value, dict):
        return {str(k): free_form(v) for k, v in value.items()}
    if isinstance(value, list):
        return [free_form(v) for v in value]
    return value


def _as_version(value: object) -> object:
    return 1 if value == "1" else value


def _shown(schema: Mapping[str, object]) -> WithJsonSchema:
    return WithJsonSchema(dict(schema))


Flag = Annotated[bool, BeforeValidator(_flag)]
Text = Annotated[str, _shown(shapes.SCALAR)]
ImageName = Annotated[
    str,
    _matching(_NAME, "an image name (lower-case letters and digits, with . _ - between)"),
    _shown(shapes.matching(_NAME)),
]
VariantName = Annotated[
    str,
    _matching(_VARIANT, "a variant's name (lower-case, such as browser)"),
    _shown(shapes.matching(_VARIANT)),
]
Suffix = Annotated[
    str,
    _matching(_SUFFIX, "a suffix (starts with - or _, such as -browser)"),
    _shown(shapes.suffix(_SUFFIX)),
]
Owner = Annotated[
    str,
    _matching(_OWNER, "an owner for COPY --chown, such as 0:0 or node:node"),
    _shown(shapes.matching(_OWNER)),
]
Tag = Annotated[str, AfterValidator(_tag), _shown(shapes.TAG)]
TemplatePath = Annotated[str, AfterValidator(_template_path), _shown(shapes.TEMPLATE)]
ImageReference = Annotated[Reference, PlainValidator(_reference), _shown(shapes.REFERENCE)]
PlatformName = Annotated[Platform, PlainValidator(_platform), _shown(shapes.PLATFORM)]
CommitTag = Annotated[TagTemplate, PlainValidator(_commit_tag), _shown(shapes.COMMIT_TAG)]
FormatVersion = Annotated[Literal[1], BeforeValidator(_as_version), _shown(shapes.VERSION)]
Versions = dict[str, Text]
Arguments = Annotated[
    dict[Annotated[str, AfterValidator(_argument)], Text],
    _shown(shapes.named(f"(?!(?:{_RESERVED.pattern})$){_ARGUMENT.pattern}", shapes.SCALAR)),
]
Variables = Annotated[dict[str, object], BeforeValidator(free_form)]
Labels = dict[str, Text]
