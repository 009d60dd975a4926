"""The secrets gate: which secrets may be in an image, and where."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Self

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_list, as_object, as_optional_text, as_text, as_texts

from ..severity import Severity
from .waiver import decision, read_decision


@dataclass(frozen=True, slots=True)
class AllowedSecret:
    """Secrets in files that match `path` that may pass through the last day, `expires`; with a rule only those that it
    found."""

    path: str
    owner: str
    reason: str
    expires: date
    rule: str | None = None

    def to_json(self) -> dict[str, object]:
        """The entry as data."""
        return {"path": self.path, "rule": self.rule, **decision(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote."""
        return cls(as_text(data["path"]), *read_decision(data), as_optional_text(data["rule"]))


@dataclass(frozen=True, slots=True)
class SecretGate:
    """Closes on secrets of these severities that no entry of `allow` covers; the others are noted."""

    fail_on: tuple[Severity, ...] = tuple(Severity)
    allow: tuple[AllowedSecret, ...] = ()

    @property
    def severities(self) -> str | tuple[Severity, ...]:
        """As a policy writes them: `fail` for all, `warn` for none."""
        if set(self.fail_on) == set(Severity):
            return "fail"
        return self.fail_on or "warn"

    def to_json(self) -> object:
        """The gate as data: `fail` or `warn` in short where nothing is allowed."""
        if not self.allow and isinstance(self.severities, str):
            return self.severities
        return {
            "fail_on": [str(severity) for severity in self.fail_on],
            "allow": [entry.to_json() for entry in self.allow],
        }

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        if data == "fail":
            return cls()
        if data == "warn":
            return cls(())
        fields = as_object(data)
        return cls(
            tuple(map(Severity, as_texts(fields["fail_on"]))),
            tuple(AllowedSecret.from_json(as_object(entry)) for entry in as_list(fields["allow"])),
        )
