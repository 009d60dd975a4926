"""`retention:` of lockage.yml: what is deleted, and what never is."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from pipeline.model import Digest, valid_tag
from pipeline.model.retention import (
    BuildsRetention,
    EnvironmentRetention,
    Retention,
    RetentionDates,
    RetentionRule,
)
from pipeline.model.retention.rules import LIMIT, ROLLBACK, Versions

from .. import shapes
from ..base import Flag, ImageName, Model, Text
from ..gates.vulnerabilities import Days

_TAG = r"[A-Za-z0-9_*][A-Za-z0-9_.*-]{0,127}"
_WITH_NUMBER = r"[A-Za-z0-9_.*{}-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"
_PATTERN: shapes.Schema = {
    "type": ["string", "number", "boolean"],
    "minimum": 0,
    "pattern": rf"^(?:{_TAG}|(?=[^{{]*\{{pr\}}[^{{]*$){_WITH_NUMBER})$",
}
_KEPT: shapes.Schema = {
    "type": ["string", "number", "boolean"],
    "minimum": 0,
    "pattern": rf"^(?:{_TAG}|{_DIGEST})$",
}


def _pattern(text: str) -> str:
    if text.count("{pr}") > 1 or not valid_tag(text.replace("{pr}", "1").replace("*", "x")):
        raise ValueError(
            f"{text[:80]!r} is not a pattern of tags (letters, digits, '_', '.', '-', * for any of them, and {{pr}} "
            "once for the number of a pull request)"
        )
    return text


def _kept(text: str) -> str:
    if re.match("sha[0-9]+:", text):
        return str(Digest(text))
    if not valid_tag(text.replace("*", "x")):
        raise ValueError(f"{text[:80]!r} is neither a pattern of tags nor a digest")
    return text


_TagPattern = Annotated[Text, AfterValidator(_pattern), WithJsonSchema(dict(_PATTERN))]
_Kept = Annotated[Text, AfterValidator(_kept), WithJsonSchema(dict(_KEPT))]
_Count = Annotated[int, Field(ge=1, le=100_000)]


class RetentionRuleEntry(Model):
    """What is kept of the tags that match."""

    tags: tuple[_TagPattern, ...] = Field(
        min_length=1,
        description="Patterns of tags, with * for any characters and {pr} for the number of a pull request",
    )
    versions: Versions | None = Field(
        None, description="Only tags that are semantic versions: release or prerelease"
    )
    forever: Flag = Field(False, description="All of them are kept")
    days: Days | None = Field(None, description="Those younger than so many days are kept, such as 7d")
    last: _Count | None = Field(None, description="The newest so many are kept, of each pattern")
    lines: _Count | None = Field(None, description="Those of the newest so many lines (1.4, 1.3) are kept")
    last_of_line: _Count | None = Field(None, description="The newest so many of each line (1.4) are kept")
    until_closed: Flag = Field(False, description="Kept until the pull request of {pr} is closed")

    @model_validator(mode="after")
    def _keeps_something(self) -> Self:
        if not (
            self.forever or self.days or self.last or self.lines or self.last_of_line or self.until_closed
        ):
            raise ValueError(
                "the rule keeps nothing: it needs forever, days, last, lines, last_of_line or until_closed"
            )
        if self.until_closed != any("{pr}" in pattern for pattern in self.tags):
            raise ValueError("until_closed and {pr} in tags go together")
        return self

    def value(self) -> RetentionRule:
        """As the program uses it."""
        return RetentionRule(
            tuple(dict.fromkeys(self.tags)),
            self.versions,
            self.forever,
            self.days,
            self.last,
            self.lines,
            self.last_of_line,
            self.until_closed,
        )


class EnvironmentRetentionEntry(Model):
    """What is kept in the repositories of an environment."""

    rules: tuple[RetentionRuleEntry, ...] = Field(
        (), description="The first rule that matches a tag decides; what none matches is kept"
    )
    untagged: Days | None = Field(
        None, description="Days after which a known manifest that no tag needs is deleted (default: never)"
    )

    def value(self) -> EnvironmentRetention:
        """As the program uses it."""
        return EnvironmentRetention(tuple(rule.value() for rule in self.rules), self.untagged)


class BuildsRetentionEntry(Model):
    """What is kept in the repository of builds."""

    unplanned: Days = Field(
        description="Days after which the image and the records of a key that no plan has are deleted"
    )


class RetentionEntry(Model):
    """What `lockage retention` deletes, and what never is deleted."""

    environments: dict[ImageName, EnvironmentRetentionEntry] = Field(
        default_factory=dict, description="The rules of environments, by name; others are left alone"
    )
    builds: BuildsRetentionEntry | None = Field(
        None, description="The rules of the repository of builds; left out, it is left alone"
    )
    limit: _Count = Field(
        LIMIT, description=f"Tags and manifests that one run deletes at most (default {LIMIT})"
    )
    rollback: _Count = Field(
        ROLLBACK, description=f"Entries of a ledger that rollbacks may need (default {ROLLBACK})"
    )
    dates: RetentionDates = Field(
        "seen",
        description="What ages count from: seen (default), when retention first saw a tag at its digest; or created, "
        "the creation date in the image",
    )
    keep: tuple[_Kept, ...] = Field((), description="Patterns of tags, and digests, that are never deleted")

    def value(self) -> Retention:
        """As the program uses it."""
        return Retention(
            {name: entry.value() for name, entry in self.environments.items()},
            BuildsRetention(self.builds.unplanned) if self.builds else None,
            self.limit,
            self.rollback,
            self.dates,
            tuple(dict.fromkeys(self.keep)),
        )
