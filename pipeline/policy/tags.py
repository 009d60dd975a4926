"""Which tags a run may write; the one place where a commit becomes a tag."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SHA = re.compile(r"^[0-9a-f]{40}([0-9a-f]{24})?\Z")


@dataclass(frozen=True, slots=True)
class Revision:
    """The commit a run stands on: full `sha` (empty outside git), `dirty` when the work tree has changes."""

    sha: str = ""
    dirty: bool = False
    created: int = 0  # commit time, seconds since 1970; 0 when unknown

    def __post_init__(self) -> None:
        if self.sha and not _SHA.match(self.sha):
            raise ValueError(f"not a commit id: {self.sha[:80]!r}")

    @property
    def label(self) -> str:
        """For tags and annotations: the sha, `<sha>-dirty`, or `local` outside git."""
        if not self.sha:
            return "local"
        return f"{self.sha}-dirty" if self.dirty else self.sha


def ci_tag(revision: Revision, tag: str) -> str:
    """The tag of one image tag's index built at a revision: `ci-<sha>-<tag>`.

    A repository holds several tags of an image (3.11, 3.12, 3.12-dev): the commit alone is not unique.
    """
    return f"ci-{revision.label}-{tag}"[:128].rstrip(".-")
