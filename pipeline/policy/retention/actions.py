"""What retention deletes, as frozen values that can be saved, read and performed later."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from pipeline.model import Digest, Repository
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_integer, as_list, as_object, as_optional_text, as_text

from .facts import TagVerdict

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Action:
    """The deletion of a tag, or of a manifest where there is no `tag`; `digest` is what is there now."""

    digest: Digest
    reason: str
    tag: str = ""

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        what = {"kind": "tag", "tag": self.tag} if self.tag else {"kind": "manifest"}
        return {**what, "digest": str(self.digest), "reason": self.reason}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Action:
        """Read what `to_json` wrote. Raises ValueError, KeyError."""
        tag = as_text(data["tag"]) if data["kind"] == "tag" else ""
        return cls(Digest(as_text(data["digest"])), as_text(data["reason"]), tag)


@dataclass(frozen=True, slots=True)
class RepositoryPlan:
    """What goes from one repository, in order, and the tags that stay.

    `environment` is None for the repository of builds. `based_on` is a digest over all tags and what they named.
    """

    repository: Repository
    environment: str | None
    image: str
    based_on: Digest
    actions: tuple[Action, ...]
    kept: tuple[TagVerdict, ...]
    left: int = 0

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {
            "repository": str(self.repository),
            "environment": self.environment,
            "image": self.image,
            "based_on": str(self.based_on),
            "delete": [action.to_json() for action in self.actions],
            "keep": [{"tag": v.tag, "digest": str(v.digest), "reason": v.reason} for v in self.kept],
            "left": self.left,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> RepositoryPlan:
        """Read what `to_json` wrote. Raises ValueError, KeyError."""
        return cls(
            Repository.parse(as_text(data["repository"])),
            as_optional_text(data["environment"]),
            as_text(data["image"]),
            Digest(as_text(data["based_on"])),
            tuple(Action.from_json(as_object(action)) for action in as_list(data["delete"])),
            tuple(_kept(as_object(entry)) for entry in as_list(data["keep"])),
            as_integer(data["left"]),
        )


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What one run of retention deletes; `time` (RFC 3339) is when it was planned."""

    project: str
    time: str
    limit: int
    repositories: tuple[RepositoryPlan, ...]

    @property
    def deletions(self) -> int:
        """The number of actions."""
        return sum(len(one.actions) for one in self.repositories)

    @property
    def left(self) -> int:
        """What the limit leaves to the next run."""
        return sum(one.left for one in self.repositories)

    def to_json(self) -> dict[str, object]:
        """As plain data; docs/schemas/retention.schema.json describes it."""
        return {
            "format_version": FORMAT_VERSION,
            "project": self.project,
            "time": self.time,
            "limit": self.limit,
            "repositories": [one.to_json() for one in self.repositories],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> RetentionPlan:
        """Read what `to_json` wrote. Raises ValueError, KeyError."""
        if data["format_version"] != FORMAT_VERSION:
            raise ValueError(f"retention plan format {data['format_version']!r}")
        return cls(
            as_text(data["project"]),
            as_text(data["time"]),
            as_integer(data["limit"]),
            tuple(RepositoryPlan.from_json(as_object(one)) for one in as_list(data["repositories"])),
        )


def _kept(data: Mapping[str, object]) -> TagVerdict:
    return TagVerdict(as_text(data["tag"]), Digest(as_text(data["digest"])), True, as_text(data["reason"]))


def digest_of_tags(tags: Mapping[str, Digest]) -> Digest:
    """A digest over all tags of a repository and what they name."""
    content = compact({tag: str(tags[tag]) for tag in sorted(tags)})
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")
