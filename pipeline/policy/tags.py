"""The tags that a run may write, computed from a git event."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pipeline.model import COMMIT_TAGS, TagTemplate
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from semver import Version

_SHA = re.compile(r"^[0-9a-f]{40}([0-9a-f]{24})?\Z")
_SHORT = 7  # as git abbreviates
DIRTY = "-dirty"
"""The end of the label of a work tree with changes."""


@dataclass(frozen=True, slots=True)
class Revision:
    """The commit of a run, and the event that started it.

    `sha` is whole, empty outside git; `dirty` when the work tree has changes. `branch` is the branch that was pushed,
    `pull_request` the number of a pull or merge request, `release` a git tag; at most one of the three.
    """

    sha: str = ""
    dirty: bool = False
    created: int = 0  # commit time, seconds since 1970; 0 when unknown
    branch: str = ""
    pull_request: str = ""
    release: str = ""

    def __post_init__(self) -> None:
        if self.sha and not _SHA.match(self.sha):
            raise ValueError(f"not a commit id: {self.sha[:80]!r}")
        if self.pull_request and not (self.pull_request.isascii() and self.pull_request.isdecimal()):
            raise ValueError(f"not the number of a pull request: {self.pull_request[:80]!r}")

    @property
    def label(self) -> str:
        """For tags and annotations: the sha, `<sha>-dirty`, or `local` outside git."""
        return self._labelled(self.sha)

    def _labelled(self, sha: str) -> str:
        if not sha:
            return "local"
        return f"{sha}{DIRTY}" if self.dirty else sha


def commit_tags(
    revision: Revision, tag: str, templates: Sequence[TagTemplate] = COMMIT_TAGS, *, tested: bool = True
) -> tuple[str, ...]:
    """The tags of one image tag's index built at a git event, in the order of the templates.

    `tested` is whether it has tests, which have passed. A template that names something this event does not have
    (`{pr}` on a push, `{branch}` on a pull request) gives nothing. `release/` in front of a branch is left out:
    `release/v0.1` is `v0.1`.
    """
    return _filled(revision, tag, [t for t in templates if t.applies(revision.branch, tested=tested)])


def _filled(revision: Revision, tag: str, templates: Sequence[TagTemplate]) -> tuple[str, ...]:
    values = {
        "sha": revision.label,
        "short": revision._labelled(revision.sha[:_SHORT]),
        "branch": revision.branch.removeprefix("release/"),
        "pr": revision.pull_request,
        "tag": tag,
    }
    filled = (template.fill(values) for template in templates)
    return tuple(dict.fromkeys(name for name in filled if name))


def lookup_tags(
    revision: Revision, tag: str, templates: Sequence[TagTemplate] = COMMIT_TAGS
) -> tuple[str, ...]:
    """The tags at which to look for the images of a commit, those of the commit alone; `ci-passed-` ones first.

    Which of them a run wrote depends on its event and the image's tests.
    """
    alone = [t for t in templates if t.fields & {"sha", "short"} and not t.fields & {"branch", "pr"}]
    alone.sort(key=lambda t: not t.is_for_passed)
    return _filled(revision, tag, alone)


def release_tags(version: str, published: Iterable[str] = (), suffix: str = "") -> tuple[str, ...]:
    """The tags of a release, its own first: `v0.1.0`, then `v0.1`, `v0` and `latest` where it is the highest.

    Versions are ordered by Semantic Versioning 2.0.0 §11. A prerelease is published alone. `published` are the
    tags that are there: a rolling tag only ever moves forward. Each tag gets the `suffix` (`-slim`).
    Raises ValueError for what is not a version.
    """
    own = parse_version(version)
    if own is None:
        raise ValueError(f"{version[:80]!r} is not a version (such as v2.3.0 or v2.3.0-rc.1)")
    if own.prerelease:
        return (f"{version}{suffix}",)
    prefix = "v" if version.startswith("v") else ""
    others = [other for text in published if (other := parse_version(text)) and not other.prerelease]
    rolling = (
        (f"{prefix}{own.major}.{own.minor}", [o for o in others if o[:2] == own[:2]]),
        (f"{prefix}{own.major}", [o for o in others if o.major == own.major]),
        ("latest", others),
    )
    names = (version, *(name for name, rivals in rolling if all(own >= rival for rival in rivals)))
    return tuple(f"{name}{suffix}" for name in names)


def event_tags(
    revision: Revision,
    tag: str,
    templates: Sequence[TagTemplate] = COMMIT_TAGS,
    published: Iterable[str] = (),
    *,
    tested: bool = True,
) -> tuple[str, ...]:
    """All tags of a git event: those of its commit, and of its release if a version was tagged.

    A git tag that is no version gives no release.
    """
    tags = commit_tags(revision, tag, templates, tested=tested)
    if parse_version(revision.release):
        tags = (*release_tags(revision.release, published), *tags)
    return tuple(dict.fromkeys(tags))


def parse_version(text: str) -> Version | None:
    """A semantic version, also with a leading v. What the library reads but a tag cannot be or hold (build metadata,
    other scripts' digits, a line end) is none."""
    from semver import Version

    bare = text.removeprefix("v")
    try:
        parsed = Version.parse(bare)
    except ValueError:
        return None
    return parsed if str(parsed) == bare and parsed.build is None else None
