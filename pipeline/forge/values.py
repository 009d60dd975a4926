"""A release as it is wanted, and as a forge has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pipeline.errors import GateClosed
from pipeline.model import Digest
from pipeline.util.dataclass import dataclass


class ReleaseNotOurs(GateClosed):
    """A release, or a file of one, was made by somebody else; it is replaced only on request."""


@dataclass(frozen=True, slots=True)
class WantedRelease:
    """A release as it should be: its git tag and the commit that it has to be at, the text in Markdown, and the files
    by name."""

    tag: str
    commit: str
    text: str
    prerelease: bool
    files: Mapping[str, bytes]

    def digest(self, name: str) -> Digest:
        """The digest of a file."""
        return Digest.of(self.files[name])


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of a release. `digest` is None where it has another size than the wanted one, or was never whole; `ours`
    is unset where somebody else than the release's author put it there."""

    name: str
    number: int
    digest: Digest | None
    ours: bool = True


@dataclass(frozen=True, slots=True)
class FoundRelease:
    """A release that is there. `draft` is one that only its authors see, `frozen` one that cannot be changed any more;
    `upload` is the address for files, if the forge names one."""

    number: int
    url: str
    body: str
    prerelease: bool
    assets: tuple[Asset, ...]
    draft: bool = False
    frozen: bool = False
    upload: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseLimits:
    """What a forge takes: characters of the text, files, and bytes of one file."""

    characters: int
    files: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class ReleaseActions:
    """What makes a release as it is wanted. `create` and `text` (the body that is written, None to leave it) come
    first, then deletions and uploads, and the draft is published last. `edited` is set where the text stays because
    somebody changed it by hand."""

    create: bool = False
    text: str | None = None
    delete: tuple[Asset, ...] = ()
    upload: tuple[str, ...] = ()
    publish: bool = False
    edited: bool = False

    def __bool__(self) -> bool:
        return self.create or self.publish or self.text is not None or bool(self.delete or self.upload)


class Forge(Protocol):
    """Where releases are published. Its methods raise RegistryError."""

    name: str
    project: str
    limits: ReleaseLimits

    async def commit_of(self, tag: str) -> str | None:
        """The commit that a git tag is at; None where there is no such tag."""

    async def find(self, wanted: WantedRelease) -> FoundRelease | None:
        """The release of the tag, a draft too."""

    async def perform(
        self, actions: ReleaseActions, wanted: WantedRelease, release: FoundRelease | None
    ) -> None:
        """Do it. What fails on the way leaves a release that the next look completes."""
