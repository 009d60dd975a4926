"""What release notes are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.model import Digest, Platform, Repository

    from ..difference import ImageDifference
    from .commits import Commit


@dataclass(frozen=True, slots=True)
class ReleasedImage:
    """An image tag of a release: the repositories that have it, its tags there with its own first, the digest of its
    index and those of its platforms; and in what each platform differs from the release before."""

    name: str
    repositories: tuple[Repository, ...]
    tags: tuple[str, ...]
    digest: Digest
    platforms: Mapping[Platform, Digest]
    differences: tuple[ImageDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed: a public `key` in PEM; or else a certificate's identity, as `options` of cosign, each with its value.
    `name` is what people call it."""

    name: str
    key: str = ""
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseNotes:
    """A release: its version and commit, the version before (empty for the first), what was committed since, and the
    images. `source` is the address of the repository, empty where it is not known."""

    project: str
    version: str
    commit: str
    images: tuple[ReleasedImage, ...]
    signer: Signer
    before: str = ""
    commits: tuple[Commit, ...] = ()
    source: str = ""

    def to_json(self) -> dict[str, object]:
        """The release as data, without differences."""
        return {
            "format_version": 1,
            "project": self.project,
            "version": self.version,
            "commit": self.commit,
            "before": self.before or None,
            "source": self.source or None,
            "commits": [{"id": commit.id, "subject": commit.subject} for commit in self.commits],
            "images": [
                {
                    "name": image.name,
                    "references": [str(r.tagged(tag)) for r in image.repositories for tag in image.tags],
                    "digest": str(image.digest),
                    "platforms": {str(p): str(digest) for p, digest in image.platforms.items()},
                }
                for image in self.images
            ],
        }
