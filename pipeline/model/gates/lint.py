"""The lint gate: what linters may say of a Dockerfile."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_optional_text, as_texts


class LintLevel(StrEnum):
    """Levels as hadolint names them, lowest first. Compare them by `rank`."""

    STYLE = "style"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for the lowest level."""
        return list(LintLevel).index(self)


@dataclass(frozen=True, slots=True)
class LintGate:
    """Closes on what linters say of the Dockerfile at this level or above, None for never; `ignore` are rules."""

    fail_on: LintLevel | None = None
    ignore: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The gate as data."""
        return {"fail_on": self.fail_on and str(self.fail_on), "ignore": list(self.ignore)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        level = as_optional_text(data["fail_on"])
        return cls(LintLevel(level) if level else None, as_texts(data["ignore"]))
