"""lockage.lock: which digest every external base and tool had when the lock was written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, field_validator

from pipeline.errors import ConfigError, Problem
from pipeline.model import Digest, Reference, pretty

from .base import Model
from .yaml import MAX_BYTES

LOCK_NAME = "lockage.lock"


def _digest(value: Any) -> Digest:
    if isinstance(value, Digest):
        return value
    if not isinstance(value, str):
        raise ValueError("a digest is expected")
    return Digest(value)


DigestText = Annotated[
    Digest, PlainValidator(_digest), PlainSerializer(str, return_type=str), WithJsonSchema({"type": "string"})
]


class Locked(Model):
    """What is known of one reference: the digest of its index or manifest."""

    digest: DigestText


class Lock(Model):
    """References (normalised, with their tag) and their digests."""

    format_version: Literal[1] = 1
    images: Mapping[str, Locked] = Field(default_factory=dict)

    @field_validator("images")
    @classmethod
    def _normalised(cls, value: Mapping[str, Locked]) -> Mapping[str, Locked]:
        for name in value:
            found = Reference.parse(name)
            if str(found) != name or found.digest or not found.tag:
                raise ValueError(f"{name!r} is not written in full (host/path:tag)")
        return value

    @classmethod
    def of(cls, digests: Mapping[Reference, Digest]) -> Lock:
        """A lock from what was resolved."""
        return cls(images={str(ref): Locked(digest=digest) for ref, digest in digests.items()})

    def digest(self, reference: Reference) -> Digest | None:
        """The digest a reference is locked to."""
        found = self.images.get(str(reference))
        return found.digest if found else None

    def missing(self, references: Iterable[Reference]) -> tuple[Reference, ...]:
        """Those that this lock does not know, in order."""
        return tuple(r for r in dict.fromkeys(references) if str(r) not in self.images)

    def to_bytes(self) -> bytes:
        """The file, the same bytes for the same lock."""
        images = {name: {"digest": str(self.images[name].digest)} for name in sorted(self.images)}
        return pretty({"format_version": self.format_version, "images": images}).encode()


def read_lock(content: bytes, path: str = LOCK_NAME) -> Lock:
    """Read a lock file. Raises `ConfigError`."""
    from .validate import validate

    hint = "`lockage lock` writes it again"
    try:
        if len(content) > MAX_BYTES:
            raise ValueError("too large")
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        line, column = getattr(error, "lineno", 0), getattr(error, "colno", 0)
        raise ConfigError([Problem(path, line, column, "", f"not valid JSON: {error}")], hint=hint) from None
    model, problems = validate(Lock, value, path)
    if model is None:
        raise ConfigError(problems, hint=hint)
    return model
