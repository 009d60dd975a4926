"""Verification of content against its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pipeline.errors import RegistryError
from pipeline.model import Digest

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
    """Counts and hashes content in chunks; `finish` raises unless it has this digest and `size` bytes.

    `name` is for messages.
    """

    def __init__(self, digest: Digest, size: int, name: str) -> None:
        self._digest, self._size, self._name = digest, size, name
        self._hash = hashlib.new(digest.algorithm)
        self.received = 0

    def update(self, chunk: bytes) -> None:
        """Add a chunk; raises as soon as there is more than described."""
        self._hash.update(chunk)
        self.received += len(chunk)
        if self.received > self._size:
            raise self._error(f"it is larger than the {self._size} bytes described")

    @property
    def complete(self) -> bool:
        """Whether all described bytes were added."""
        return self.received == self._size

    def finish(self) -> None:
        """Raises CorruptContent unless size and digest are those described."""
        if not self.complete:
            raise self._error(f"it has {self.received} bytes instead of {self._size}")
        digest = Digest(f"{self._digest.algorithm}:{self._hash.hexdigest()}")
        if digest != self._digest:
            raise self._error(f"its digest is {digest}")

    def _error(self, problem: str) -> CorruptContent:
        return CorruptContent(
            f"{self._name} does not match its digest: {problem}",
            hint="do not use it; the registry's storage or a proxy before it is faulty or tampered with",
        )


def verify_content(content: bytes, digest: Digest, name: str) -> None:
    """Raises CorruptContent unless the bytes have this digest; `name` is for the message."""
    verifier = Verifier(digest, len(content), name)
    verifier.update(content)
    verifier.finish()
