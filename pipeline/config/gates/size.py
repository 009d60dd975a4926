"""`size:` of a policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from pipeline.model import Growth, SizeGate

from .. import shapes
from ..base import Model
from .fields import Size, size


def _growth(value: object) -> object:
    if isinstance(value, Growth):
        return value
    if isinstance(value, str) and "%" not in value:
        try:
            value = size(value)
        except ValueError:
            raise ValueError(
                f"{str(value)[:40]!r} is not a size or a percentage (such as 10% or 20MB)"
            ) from None
    if (growth := Growth.parse(value)) is None:
        raise ValueError(f"{str(value)[:40]!r} is no growth (such as 10% or 20MB)")
    return growth


GrowthText = Annotated[Growth, PlainValidator(_growth), WithJsonSchema(dict(shapes.GROWTH))]


class SizePolicy(Model):
    """Budget for the compressed layers of one platform; absent means: as the level above says."""

    target: Size | None = Field(None, description="Above it there is a note")
    max: Size | None = Field(None, description="Above it the gate closes; such as 300MB or 250MiB")
    growth: GrowthText | None = Field(
        None,
        description="The most that an image may be larger than what its environment holds: 10%, or bytes (20MB)",
    )

    def over(self, gate: SizeGate) -> SizeGate:
        """The gate with the values of this level instead."""
        given = self.model_fields_set
        return SizeGate(
            self.max if "max" in given or not given else gate.max,
            self.target if "target" in given or not given else gate.target,
            self.growth if "growth" in given or not given else gate.growth,
        )

    def loosened(self, gate: SizeGate) -> Iterator[str]:
        """The keys that open what the gate of the level above closes; one for `size: {}`, which opens all."""
        after, keys = self.over(gate), list[str]()
        if gate.max is not None and (after.max is None or after.max > gate.max):
            keys.append("max")
        if gate.growth is not None and (after.growth is None or not _is_stricter(after.growth, gate.growth)):
            keys.append("growth")
        yield from keys if self.model_fields_set else keys[:1]


def _is_stricter(own: Growth, above: Growth) -> bool:
    """Whether one growth allows no more than another; a percentage and bytes cannot be compared."""
    if own.percent is None and above.percent is None:
        return own.bytes <= above.bytes
    return own.percent is not None and above.percent is not None and own.percent <= above.percent
