"""`checks:` of image.yml: commands that test an image, usually while it runs as a service beside them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from . import shapes
from .base import ImageReference, Model, Text

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FOLDER = re.compile(r"\./(?:(?!\.{1,2}(?:/|$))[^/\\\x00]+/?)+")
_FILE = re.compile(r"(?:(?!\.{1,2}(?:/|$))[^/\\\x00]+)(?:/(?!\.{1,2}(?:/|$))[^/\\\x00]+)*")
_DIGITS = re.compile(r"[0-9]{1,5}")
_SECONDS = 60
_MOST_SECONDS = 3600


def _matching(pattern: re.Pattern[str], description: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text) or len(text) > 255:
            raise ValueError(f"{text[:80]!r} is not {description}")
        return text

    return AfterValidator(check)


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value


def _whole(least: int, most: int) -> Any:  # as pydantic's Field
    return Field(ge=least, le=most)


CheckName = Annotated[
    str, _matching(_NAME, "a check's name (such as answers)"), WithJsonSchema(dict(shapes.matching(_NAME)))
]
VariableName = Annotated[
    str, _matching(_VARIABLE, "a variable's name"), WithJsonSchema(dict(shapes.matching(_VARIABLE)))
]
Variables = Annotated[
    dict[VariableName, Text], WithJsonSchema(dict(shapes.named(_VARIABLE.pattern, shapes.SCALAR)))
]
Port = Annotated[int, BeforeValidator(_number), _whole(1, 65535)]
Seconds = Annotated[int, BeforeValidator(_number), _whole(1, _MOST_SECONDS)]


class ServiceEntry(Model):
    """How the image runs while a check examines it, under the host name `image`."""

    args: tuple[Text, ...] | None = Field(None, description="Instead of the image's CMD")
    env: Variables = Field(default_factory=dict, description="Beside the image's own environment")
    ports: tuple[Port, ...] = Field((), description="The check starts when these answer (TCP)")


class CheckEntry(Model):
    """One command; the image passes where it ends with 0."""

    command: tuple[Text, ...] = Field(min_length=1, description="What is run, without a shell")
    image: ImageReference | None = Field(
        None, description="The image that the command runs in, one of bases: (default: the image under test)"
    )
    service: ServiceEntry | None = Field(
        None, description="The image under test runs beside the command, as the host `image`"
    )
    folder: (
        Annotated[Text, _matching(_FOLDER, "a folder below that of image.yml, such as ./checks")] | None
    ) = Field(None, description="Mounted at /checks, where the command starts")
    env: Variables = Field(default_factory=dict, description="The command's environment")
    timeout: Seconds = Field(_SECONDS, description="Seconds (default 60)")
    junit: Annotated[Text, _matching(_FILE, "a file below /reports, such as junit.xml")] | None = Field(
        None, description="A JUnit report that the command writes below /reports; its cases are the check's"
    )


Checks = dict[CheckName, CheckEntry]
