"""The rules of retention, as lockage.yml has them. The first rule whose patterns match a tag decides about it; what no
rule matches is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Literal, Self

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_flag, as_integer, as_list, as_literal, as_object, as_texts

RetentionDates = Literal["seen", "created"]
"""What an age is counted from: when retention first saw a tag at its digest, or the image's own creation date."""
Versions = Literal["release", "prerelease"]

LIMIT = 500
ROLLBACK = 10
_NUMBERS = ("days", "last", "lines", "last_of_line")


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """What is kept of the tags that match one of the patterns. One condition that holds is enough: `forever`, younger
    than `days`, one of the `last` (of each pattern), in one of the newest semver `lines` (1.4, 1.3), one of the
    `last_of_line`, or of a pull request that is not closed.

    With `versions`, only tags that are semantic versions of that kind match. `{pr}` in a pattern is the number of a
    pull request.
    """

    tags: tuple[str, ...]
    versions: Versions | None = None
    forever: bool = False
    days: int | None = None
    last: int | None = None
    lines: int | None = None
    last_of_line: int | None = None
    until_closed: bool = False

    @property
    def by_date(self) -> bool:
        """Whether it needs the dates of tags."""
        return self.days is not None or self.last is not None

    @property
    def text(self) -> str:
        """The rule in a few words, for reasons."""
        named = ", ".join(self.tags)
        return f"{self.versions}s of {named}" if self.versions else named

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        numbers = {name: value for name in _NUMBERS if (value := getattr(self, name)) is not None}
        return {
            "tags": list(self.tags),
            **({"versions": self.versions} if self.versions else {}),
            **({"forever": True} if self.forever else {}),
            **numbers,
            **({"until_closed": True} if self.until_closed else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        numbers = {name: as_integer(data[name]) for name in _NUMBERS if name in data}
        return cls(
            as_texts(data["tags"]),
            _versions(data["versions"]) if "versions" in data else None,
            as_flag(data.get("forever", False)),
            numbers.get("days"),
            numbers.get("last"),
            numbers.get("lines"),
            numbers.get("last_of_line"),
            as_flag(data.get("until_closed", False)),
        )


def _versions(value: object) -> Versions:
    return as_literal(value, "release", "prerelease")


@dataclass(frozen=True, slots=True)
class EnvironmentRetention:
    """The rules of one environment, and after how many days what no tag needs any more is deleted; None for never."""

    rules: tuple[RetentionRule, ...] = ()
    untagged: int | None = None

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        untagged = {} if self.untagged is None else {"untagged": self.untagged}
        return {"rules": [rule.to_json() for rule in self.rules], **untagged}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        rules = tuple(RetentionRule.from_json(as_object(rule)) for rule in as_list(data["rules"]))
        return cls(rules, as_integer(data["untagged"]) if "untagged" in data else None)


@dataclass(frozen=True, slots=True)
class BuildsRetention:
    """What stays in the repository of builds: what was planned in the last `unplanned` days."""

    unplanned: int

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {"unplanned": self.unplanned}


@dataclass(frozen=True, slots=True)
class Retention:
    """`retention:` of lockage.yml.

    One run deletes at most `limit` tags and manifests. What the last `rollback` entries of an environment's ledger name
    is kept, and so is what `keep` lists: patterns of tags, and digests.
    """

    environments: Mapping[str, EnvironmentRetention] = field(default_factory=lambda: MappingProxyType({}))
    builds: BuildsRetention | None = None
    limit: int = LIMIT
    rollback: int = ROLLBACK
    dates: RetentionDates = "seen"
    keep: tuple[str, ...] = ()

    @property
    def closed_pull_requests(self) -> bool:
        """Whether a rule depends on which pull requests are closed."""
        return any(rule.until_closed for one in self.environments.values() for rule in one.rules)

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {
            "environments": {name: one.to_json() for name, one in self.environments.items()},
            **({"builds": self.builds.to_json()} if self.builds else {}),
            "limit": self.limit,
            "rollback": self.rollback,
            "dates": self.dates,
            "keep": list(self.keep),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        builds = as_object(data["builds"]) if "builds" in data else None
        return cls(
            {
                name: EnvironmentRetention.from_json(as_object(one))
                for name, one in as_object(data["environments"]).items()
            },
            BuildsRetention(as_integer(builds["unplanned"])) if builds else None,
            as_integer(data["limit"]),
            as_integer(data["rollback"]),
            as_literal(data["dates"], "seen", "created"),
            as_texts(data["keep"]),
        )
