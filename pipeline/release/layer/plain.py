"""A compressed layer as a stream of plain bytes, bounded."""

from __future__ import annotations

import gzip
import zlib
from typing import IO, Protocol

from .entry import LayerFault, Limits


class Readable(Protocol):
    """Anything with `read(n)`."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Plain:
    """Reads plain bytes of a layer, and refuses what is broken or too much."""

    def __init__(self, source: Readable, limits: Limits) -> None:
        self._source, self._limits, self.size = source, limits, 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; raises LayerFault."""
        try:
            part = self._source.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as fault:
            raise LayerFault(f"a layer cannot be decompressed: {fault}") from fault
        self.size += len(part)
        if self.size > self._limits.plain:
            raise LayerFault(f"a layer has more than {self._limits.plain} bytes when it is decompressed")
        return part


def decompressed(source: IO[bytes], limits: Limits | None = None) -> Plain:
    """The plain bytes of a layer, whether it is compressed by gzip or not at all.

    Goes by the first bytes, not by the media type. Raises LayerFault for zstd, which nothing here reads.
    """
    limits = limits or Limits()
    magic = source.read(4)
    source.seek(0)
    if magic == b"\x28\xb5\x2f\xfd":
        raise LayerFault(
            "a layer is compressed by zstd, which cannot be read here", hint="push the image with gzip layers"
        )
    if magic[:2] == b"\x1f\x8b":
        return Plain(gzip.GzipFile(fileobj=source), limits)
    return Plain(source, limits)
