"""Warnings of a build: BuildKit's build checks, and caches that could not be used."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_integer, as_text


@dataclass(frozen=True, slots=True)
class BuildWarning:
    """A warning of a build check or the solver; `line` counts from 1 in the Dockerfile, 0 if it names none."""

    line: int
    message: str
    rule: str = ""
    url: str = ""

    def to_json(self) -> dict[str, object]:
        """The warning as data."""
        return {"line": self.line, "rule": self.rule, "message": self.message, "url": self.url}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> BuildWarning:
        """The warning from its `to_json`; raises KeyError, ValueError."""
        line, message, rule, url = (data[name] for name in ("line", "message", "rule", "url"))
        return cls(as_integer(line), as_text(message), as_text(rule), as_text(url))
