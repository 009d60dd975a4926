"""Content is what its descriptor says, or it is not accepted."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pipeline.errors import RegistryError
from pipeline.model import Descriptor

T = TypeVar("T")
_TRIES = 3


class CorruptContent(RegistryError):
    """Content that is not what its digest promises. What happened on the way may not happen again: where
    nothing has been passed on yet, it is fetched once more."""


async def uncorrupted(work: Callable[[], Awaitable[T]]) -> T:
    """`work()`, begun anew a few times if what it fetched was corrupt."""
    for left in reversed(range(_TRIES)):
        try:
            return await work()
        except CorruptContent:
            if not left:
                raise
    raise AssertionError("unreachable")


class Verifier:
    """Counts and hashes pieces; `finish` raises if they are not the whole described content."""

    def __init__(self, descriptor: Descriptor, where: str) -> None:
        self._descriptor, self._where = descriptor, where
        self._hash = hashlib.new(descriptor.digest.algorithm)
        self.size = 0

    def update(self, piece: bytes) -> None:
        """Take one piece; raises as soon as there is more than was described."""
        self._hash.update(piece)
        self.size += len(piece)
        if self.size > self._descriptor.size:
            raise self._error(f"it is larger than the {self._descriptor.size} bytes described")

    @property
    def complete(self) -> bool:
        """Whether as many bytes have come as were described."""
        return self.size == self._descriptor.size

    def finish(self) -> None:
        """Raises RegistryError unless size and digest are those described."""
        if not self.complete:
            raise self._error(f"it has {self.size} bytes instead of {self._descriptor.size}")
        found = f"{self._descriptor.digest.algorithm}:{self._hash.hexdigest()}"
        if found != str(self._descriptor.digest):
            raise self._error(f"its digest is {found}")

    def _error(self, why: str) -> CorruptContent:
        return CorruptContent(
            f"the content of {self._where}@{self._descriptor.digest} is not what its digest promises: {why}",
            hint="do not use it; the registry's storage or a proxy before it is faulty or tampered with",
        )
