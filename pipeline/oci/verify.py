"""Verification of content against its descriptor."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest

T = TypeVar("T")
_ATTEMPTS = 3


class CorruptContent(RegistryError):
    """Content that does not match its digest. It may have been damaged in transit, so that a second fetch can help."""


async def uncorrupted(fetch: Callable[[], Awaitable[T]]) -> T:
    """The result of `fetch`, which is called again if the content was corrupt, three times in all."""
    for left in reversed(range(_ATTEMPTS)):
        try:
            return await fetch()
        except CorruptContent:
            if not left:
                raise
    raise AssertionError("unreachable")


class Verifier:
    """Counts and hashes content in chunks; `finish` raises unless it matches the descriptor."""

    def __init__(self, descriptor: Descriptor, origin: str) -> None:
        self._descriptor, self._origin = descriptor, origin
        self._hash = hashlib.new(descriptor.digest.algorithm)
        self.size = 0

    def update(self, chunk: bytes) -> None:
        """Add a chunk; raises as soon as there is more than described."""
        self._hash.update(chunk)
        self.size += len(chunk)
        if self.size > self._descriptor.size:
            raise self._error(f"it is larger than the {self._descriptor.size} bytes described")

    @property
    def complete(self) -> bool:
        """Whether all described bytes were added."""
        return self.size == self._descriptor.size

    def finish(self) -> None:
        """Raises CorruptContent unless size and digest are those described."""
        if not self.complete:
            raise self._error(f"it has {self.size} bytes instead of {self._descriptor.size}")
        digest = Digest(f"{self._descriptor.digest.algorithm}:{self._hash.hexdigest()}")
        if digest != self._descriptor.digest:
            raise self._error(f"its digest is {digest}")

    def _error(self, problem: str) -> CorruptContent:
        return CorruptContent(
            f"the content of {self._origin}@{self._descriptor.digest} does not match its digest: {problem}",
            hint="do not use it; the registry's storage or a proxy before it is faulty or tampered with",
        )


def verify_content(content: bytes, digest: Digest, origin: str) -> None:
    """Raises CorruptContent unless the bytes have this digest; `origin` is for the message."""
    verifier = Verifier(Descriptor("", digest, len(content)), origin)
    verifier.update(content)
    verifier.finish()
