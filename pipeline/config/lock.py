"""lockage.lock: the digest of every external base and tool at the time of locking."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import field
from types import MappingProxyType

from pipeline.errors import ConfigError, Problem
from pipeline.model import Digest, Reference
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import pretty

LOCK_NAME = "lockage.lock"
FORMAT_VERSION = 1
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Lock:
    """References, in full and with their tag, and their digests."""

    images: Mapping[Reference, Digest] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, digests: Mapping[Reference, Digest]) -> Lock:
        """A lock of resolved references."""
        return cls(MappingProxyType({Reference(r.repository, r.tag): d for r, d in digests.items()}))

    def digest(self, reference: Reference) -> Digest | None:
        """The digest that a reference is locked to."""
        return self.images.get(reference)

    def missing(self, references: Iterable[Reference]) -> tuple[Reference, ...]:
        """Those that are not locked, in order."""
        return tuple(r for r in dict.fromkeys(references) if r not in self.images)

    def to_bytes(self) -> bytes:
        """The file, the same bytes for the same lock."""
        images = {str(ref): {"digest": str(self.images[ref])} for ref in sorted(self.images, key=str)}
        return pretty({"format_version": FORMAT_VERSION, "images": images}).encode()


def read_lock(content: bytes, path: str = LOCK_NAME) -> Lock:
    """Read a lock file. Raises `ConfigError`."""
    problems: list[Problem] = []
    images: dict[Reference, Digest] = {}
    for name, entry in _images(content, path, problems).items():
        try:
            images[_reference(name)] = _digest(entry)
        except ValueError as error:
            problems.append(Problem(path, 0, 0, f"images[{name[:200]!r}]", str(error)))
    if problems:
        raise ConfigError(problems, hint="`lockage lock` writes it again")
    return Lock(MappingProxyType(images))


def _reference(name: str) -> Reference:
    reference = Reference.parse(name)
    if str(reference) != name or reference.digest or not reference.tag:
        raise ValueError("is not written in full (host/path:tag)")
    return reference


def _digest(entry: object) -> Digest:
    digest = entry.get("digest") if isinstance(entry, dict) and len(entry) == 1 else None
    if not isinstance(digest, str):
        raise ValueError('must be {"digest": "sha256:…"}')
    return Digest(digest)


def _images(content: bytes, path: str, problems: list[Problem]) -> Mapping[str, object]:
    """The entries of a lock by reference; problems are appended."""
    try:
        if len(content) > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES // 1024} KiB")
        data: object = json.loads(content, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        line, column = getattr(error, "lineno", 0), getattr(error, "colno", 0)
        problems.append(Problem(path, line, column, "", f"not valid JSON: {error}"))
        return {}
    images = data.get("images") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(images, dict):
        problems.append(Problem(path, 0, 0, "images", "is missing"))
        return {}
    if data.get("format_version") != FORMAT_VERSION:
        message = f"is {data.get('format_version')!r}, this program reads {FORMAT_VERSION}"
        problems.append(Problem(path, 0, 0, "format_version", message))
        return {}
    for key in sorted(data.keys() - {"format_version", "images"}):
        problems.append(Problem(path, 0, 0, key, "is not a known key"))
    return images


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is written twice")
    return members
