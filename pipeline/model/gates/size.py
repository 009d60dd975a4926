"""The size gate: a budget for the compressed layers of one platform."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Self

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_integer

_PERCENT = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*%")


@dataclass(frozen=True, slots=True)
class Growth:
    """How much larger than before an image may be: bytes, or a percentage of what it was."""

    bytes: int = 0
    percent: Decimal | None = None

    @classmethod
    def parse(cls, value: object) -> Self | None:
        """A percentage such as `10%`, or a number of bytes; None for anything else."""
        if isinstance(value, str) and (match := _PERCENT.fullmatch(value.strip())):
            return cls(percent=Decimal(match[1]))
        return cls(value) if isinstance(value, int) and not isinstance(value, bool) else None

    def limit(self, before: int) -> int:
        """The most bytes for an image that had so many before."""
        return before + (self.bytes if self.percent is None else int(before * self.percent / 100))

    def to_json(self) -> object:
        """As it is written: `10%`, or bytes."""
        return self.bytes if self.percent is None else str(self)

    def __str__(self) -> str:
        return f"{self.bytes} bytes" if self.percent is None else f"{self.percent}%"


@dataclass(frozen=True, slots=True)
class SizeGate:
    """Bytes; None for no limit. Above `target` there is a note, above `max` or `growth` it closes."""

    max: int | None = None
    target: int | None = None
    growth: Growth | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is anything to judge."""
        return (self.max, self.target, self.growth) != (None, None, None)

    def to_json(self) -> dict[str, object]:
        """The gate as data; `target` and `growth` are left out where they are not set."""
        return {
            "max": self.max,
            **({} if self.target is None else {"target": self.target}),
            **({} if self.growth is None else {"growth": self.growth.to_json()}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        growth = data.get("growth")
        parsed = Growth.parse(growth)
        if growth is not None and parsed is None:
            raise ValueError(f"not a growth: {str(growth)[:40]!r}")
        return cls(_bytes(data["max"]), _bytes(data.get("target")), parsed)


def _bytes(value: object) -> int | None:
    return None if value is None else as_integer(value)
