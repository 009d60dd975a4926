"""Warnings of a build: BuildKit's build checks, and caches that could not be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
    def from_json(cls, data: Mapping[str, Any]) -> BuildWarning:
        """The warning from its `to_json`; raises KeyError, ValueError, TypeError."""
        return cls(int(data["line"]), str(data["message"]), str(data["rule"]), str(data["url"]))
