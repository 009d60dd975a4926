"""`secrets:` of a policy: `fail`, `warn`, or severities and allowed paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator

from pipeline.model import AllowedSecret, SecretGate, Severity

from ..base import Model, Text
from .fields import NotEmpty, SeverityName, Waiver


class AllowedSecretEntry(Waiver):
    """Secrets that may be in some files until a day: who decided it, and why."""

    path: NotEmpty = Field(
        min_length=1, description="A path in the image, or a pattern such as /srv/**/*.pem"
    )
    rule: Text | None = Field(None, description="Only what this rule finds, such as private-key")

    def value(self) -> AllowedSecret:
        """As the program uses it."""
        return AllowedSecret(self.path, self.owner, self.reason, self.expires, self.rule)


class SecretPolicy(Model):
    """Which secrets close the gate; absent means: as the level above says."""

    fail_on: tuple[SeverityName, ...] | None = Field(None, description="Severities (default: all)")
    allow: tuple[AllowedSecretEntry, ...] = Field((), description="Added to those of the project")

    @model_validator(mode="before")
    @classmethod
    def _in_short(cls, value: object) -> object:
        """`fail` is all severities, `warn` none."""
        if isinstance(value, str):
            if value not in ("fail", "warn"):
                raise ValueError(
                    f"{value[:60]!r} is not one of: fail, warn, or a mapping with fail_on and allow"
                )
            return {"fail_on": list(Severity) if value == "fail" else []}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        whole = handler(core)
        return {"anyOf": [{"enum": ["fail", "warn"], "type": "string"}, whole]}

    @property
    def written(self) -> str | tuple[Severity, ...] | None:
        """The severities, in short where that says the same; None where they are not set."""
        return None if self.fail_on is None else SecretGate(self.fail_on).severities

    def over(self, gate: SecretGate) -> SecretGate:
        """The gate with the values of this level instead; what is allowed is added."""
        fail_on = gate.fail_on if self.fail_on is None else self.fail_on
        return SecretGate(fail_on, (*gate.allow, *(entry.value() for entry in self.allow)))

    def loosened(self, gate: SecretGate) -> Iterator[str]:
        """The keys that open what the gate of the level above closes."""
        if self.fail_on is not None and not set(gate.fail_on) <= set(self.fail_on):
            yield "fail_on"
        if self.allow and gate.fail_on:
            yield "allow"
