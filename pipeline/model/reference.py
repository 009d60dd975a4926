"""References to repositories, tags and digests, by the grammar of distribution/reference.

Nothing else in the program parses or composes references.
"""

from __future__ import annotations

import re
from dataclasses import replace

from pipeline.util.dataclass import dataclass

from .digest import Digest

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"^{_COMPONENT}(?:/{_COMPONENT})*\Z")
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"^(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?\Z")
_TAG = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_MAX_NAME = 255
_IDENTIFIER = re.compile(r"[0-9a-f]{64}")

DOCKER_HUB = "docker.io"


def valid_tag(text: str) -> bool:
    """Whether a text is a valid tag (distribution-spec v1.1, "Pulling manifests")."""
    return bool(_TAG.match(text))


@dataclass(frozen=True, slots=True, order=True)
class Repository:
    """A registry host and a repository path: `ghcr.io` / `acme/python`."""

    host: str
    path: str

    def __post_init__(self) -> None:
        if not _HOST.match(self.host):
            raise ValueError(f"not a registry host: {self.host[:100]!r}")
        if not _PATH.match(self.path) or len(self.path) > _MAX_NAME:
            raise ValueError(
                f"not a repository path: {self.path[:300]!r} (lower-case letters, digits, . _ - /)"
            )

    @classmethod
    def parse(cls, text: str) -> Repository:
        """Read `host/path` or a Docker Hub short name; raises ValueError for a tag or digest."""
        reference = Reference.parse(text)
        if reference.tag or reference.digest:
            raise ValueError(f"{text!r} has a tag or digest, a repository is expected")
        return reference.repository

    def tagged(self, tag: str) -> Reference:
        """A reference to a tag in this repository."""
        return Reference(self, tag=tag)

    def at(self, digest: Digest) -> Reference:
        """A reference to a digest in this repository."""
        return Reference(self, digest=digest)

    def child(self, *names: str) -> Repository:
        """A repository below this one."""
        return replace(self, path="/".join((self.path, *names)))

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """A repository with a tag, a digest, both or neither."""

    repository: Repository
    tag: str | None = None
    digest: Digest | None = None

    def __post_init__(self) -> None:
        if self.tag is not None and not valid_tag(self.tag):
            raise ValueError(f"not a tag: {self.tag[:200]!r}")

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference as Docker does: `debian` is `docker.io/library/debian`.

        No tag is added: `debian` has neither tag nor digest. Raises ValueError.
        """
        if not text or len(text) > 1024 or text != text.strip():
            raise ValueError(f"not an image reference: {text[:100]!r}")
        if _IDENTIFIER.fullmatch(text):
            raise ValueError(f"not an image reference: {text!r} (64 hexadecimal digits are an image id)")
        rest, at, digest_text = text.partition("@")
        digest = Digest(digest_text) if at else None
        head, slash, tail = rest.partition("/")
        if slash and ("." in head or ":" in head or head == "localhost" or head != head.lower()):
            host, path = head, tail
        else:
            host, path = DOCKER_HUB, rest
        path, colon, tag = path.partition(":")
        if colon and not tag:
            raise ValueError(f"not an image reference: {text[:100]!r} (empty tag)")
        if host == "index.docker.io":
            host = DOCKER_HUB
        if host == DOCKER_HUB and "/" not in path:
            path = f"library/{path}"
        return cls(Repository(host, path), tag or None, digest)

    def pinned(self, digest: Digest) -> Reference:
        """The same reference, with this digest."""
        return replace(self, digest=digest)

    @property
    def by_digest(self) -> Reference:
        """Without its tag; raises ValueError if it has no digest."""
        if self.digest is None:
            raise ValueError(f"{self} has no digest")
        return replace(self, tag=None)

    @property
    def named(self) -> Reference:
        """By its tag alone, which is `latest` without any; one that has only a digest stays as it is."""
        if self.digest and not self.tag:
            return self
        return replace(self, tag=self.tag or "latest", digest=None)

    @property
    def familiar(self) -> str:
        """The short form that people write, without Docker Hub's host and `library/`."""
        text = str(self)
        return text.removeprefix(f"{DOCKER_HUB}/").removeprefix("library/")

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"
