"""The small types of a policy's fields."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from pipeline.model import Severity

from .. import shapes
from ..base import Model, Text

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)?")
_UNITS = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_MAX_SIZE = 2**62


def size(value: object) -> object:
    """Bytes of a size that is written with a unit."""
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if not match:
            raise ValueError(f"{value[:40]!r} is not a size (such as 300MB or 250MiB)")
        size = float(match[1]) * _UNITS[match[2] or "B"]
        if size > _MAX_SIZE:
            raise ValueError(f"{value[:40]!r} is larger than {_MAX_SIZE // 2**60} EiB")
        return int(size)
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Size = Annotated[int, BeforeValidator(size), Field(gt=0), WithJsonSchema(dict(shapes.SIZE))]
SeverityName = Annotated[Severity, BeforeValidator(_upper), WithJsonSchema(dict(shapes.SEVERITY))]
Day = Annotated[date, WithJsonSchema(dict(shapes.DAY))]
NotEmpty = Annotated[Text, WithJsonSchema(dict(shapes.NOT_EMPTY))]


class Waiver(Model):
    """What may pass until a day: who decided it, and why."""

    owner: NotEmpty = Field(min_length=1, description="Who answers for it")
    reason: NotEmpty = Field(min_length=1, description="Why it may pass")
    expires: Day = Field(description="The last day it may pass, YYYY-MM-DD")

    @field_validator("expires", mode="before")
    @classmethod
    def _whole_day(cls, value: object) -> object:
        if isinstance(value, str) and not _DAY.fullmatch(value):
            raise ValueError(f"{value[:40]!r} is not a day (YYYY-MM-DD)")
        return value
