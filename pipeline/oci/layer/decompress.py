"""Decompression of layers as streams, up to a limit."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from typing import IO, Protocol

from pipeline.util.sizes import size_text

from .entry import LayerFault, LayerLimits

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
COMPRESSED = (_GZIP, _ZSTD)
"""What compressed content begins with."""
_MAX_WINDOW_LOG = 27
"""Binary logarithm of the largest zstd window: 128 MiB, the limit of zstd's own tools without `--long`."""


class Readable(Protocol):
    """Anything with `read(n)`."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Decompressed:
    """A decompressed layer; refuses a corrupt or too large one.

    `faults` are the exceptions of the decompressor, `packed` is the compressed size in bytes."""

    def __init__(self, source: Readable, limits: LayerLimits, packed: int, *faults: type[Exception]) -> None:
        self._source, self._limits, self._faults, self.size = source, limits, faults, 0
        self._ratio_bytes = max(limits.ratio_free, packed * limits.ratio)

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; raises LayerFault."""
        try:
            data = self._source.read(size)
        except self._faults as fault:
            raise LayerFault(f"a layer cannot be decompressed: {fault}") from fault
        self.size += len(data)
        if self.size > self._limits.decompressed:
            allowed = size_text(self._limits.decompressed)
            raise LayerFault(f"a layer has more than {allowed} when decompressed")
        if self.size > self._ratio_bytes:
            raise LayerFault(
                f"a layer has more than {self._limits.ratio} times its own size when decompressed, and more than "
                f"{size_text(self._limits.ratio_free)}"
            )
        return data


def decompressed(source: IO[bytes], limits: LayerLimits | None = None) -> Decompressed:
    """The bytes of a layer, decompressed from gzip or zstd or as they are; its first bytes decide."""
    limits = limits or LayerLimits()
    magic = source.read(4)
    packed = source.seek(0, os.SEEK_END)
    source.seek(0)
    if magic == _ZSTD:
        return _zstd(source, limits, packed)
    if magic[:2] == _GZIP:
        unpacked = gzip.GzipFile(fileobj=source)
        return Decompressed(unpacked, limits, packed, EOFError, gzip.BadGzipFile, zlib.error)
    return Decompressed(source, limits, packed)


def _zstd(source: IO[bytes], limits: LayerLimits, packed: int) -> Decompressed:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _MAX_WINDOW_LOG}
    return Decompressed(zstd.ZstdFile(source, options=options), limits, packed, EOFError, zstd.ZstdError)
