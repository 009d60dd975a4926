"""A compressed layer as a stream of plain bytes, bounded."""

from __future__ import annotations

import gzip
import sys
import zlib
from typing import IO, Protocol

from .entry import LayerFault, LayerLimits

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_WINDOW = 27
"""Binary logarithm of what a zstd frame may keep in memory: 128 MiB, the most that zstd's own tools take unasked."""


class Readable(Protocol):
    """Anything with `read(n)`."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Decompressed:
    """Reads plain bytes of a layer, and refuses what is broken or too much; `faults` are what the source raises."""

    def __init__(self, source: Readable, limits: LayerLimits, *faults: type[Exception]) -> None:
        self._source, self._limits, self._faults, self.size = source, limits, faults, 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; raises LayerFault."""
        try:
            part = self._source.read(size)
        except self._faults as fault:
            raise LayerFault(f"a layer cannot be decompressed: {fault}") from fault
        self.size += len(part)
        if self.size > self._limits.plain:
            raise LayerFault(f"a layer has more than {self._limits.plain} bytes when it is decompressed")
        return part


def decompressed(source: IO[bytes], limits: LayerLimits | None = None) -> Decompressed:
    """The plain bytes of a layer, compressed by gzip, by zstd, or not at all.

    Goes by the first bytes, not by the media type.
    """
    limits = limits or LayerLimits()
    magic = source.read(4)
    source.seek(0)
    if magic == _ZSTD:
        return _zstd(source, limits)
    if magic[:2] == _GZIP:
        return Decompressed(gzip.GzipFile(fileobj=source), limits, EOFError, gzip.BadGzipFile, zlib.error)
    return Decompressed(source, limits)


def _zstd(source: IO[bytes], limits: LayerLimits) -> Decompressed:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    most = {zstd.DecompressionParameter.window_log_max: _WINDOW}
    return Decompressed(zstd.ZstdFile(source, options=most), limits, EOFError, zstd.ZstdError)
