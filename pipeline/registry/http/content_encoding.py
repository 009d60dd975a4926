"""Content-Encoding of responses (RFC 9110, 8.4). Requests ask for `identity`; some servers compress all the same, and
some label stored bytes with an encoding that they do not have.

What is read has a digest or is JSON, so a label alone decides nothing: unknown ones are ignored, and gzip is decoded
where the bytes are compressed.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from pipeline.util.sizes import MIB, size_text

if TYPE_CHECKING:
    import aiohttp

_GZIP = frozenset({"gzip", "x-gzip"})
_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_PIECE = MIB // 4


class Undecodable(ValueError):
    """A body that is labelled as gzip and cannot be decoded."""


def is_labelled_gzip(response: aiohttp.ClientResponse) -> bool:
    """Whether the server says that it compressed the body."""
    return response.headers.get("Content-Encoding", "").strip().lower() in _GZIP


def is_compressed(response: aiohttp.ClientResponse, size: int) -> bool:
    """Whether a body of `size` bytes was compressed by gzip on its way: it is labelled so, and has another length."""
    return is_labelled_gzip(response) and response.content_length != size


def decode_json(body: bytes, limit: int) -> bytes:
    """A body labelled as gzip; as it is where it does not begin like gzip, which no JSON does. Raises Undecodable, also
    for one of more than `limit` bytes."""
    if not body.startswith(_MAGIC):
        return body
    parts, size, decoder = [], 0, _GzipDecoder()
    for part in decoder.decode(body):
        parts.append(part)
        size += len(part)
        if size > limit:
            raise Undecodable(f"Content-Encoding 'gzip': the content is larger than {size_text(limit)}")
    decoder.finish()
    return b"".join(parts)


async def decode_chunks(chunks: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """The content of a compressed body, as far as it came; as it is where it does not begin like gzip. Raises
    Undecodable, also for more than gzip makes of `size` bytes."""
    decoder: _GzipDecoder | None = None
    received = 0
    async for chunk in chunks:
        if not received:
            decoder = _GzipDecoder() if chunk.startswith(_MAGIC) else None
        received += len(chunk)
        if received > size + size // 100 + MIB:
            raise Undecodable(f"Content-Encoding 'gzip': {size} bytes are sent as more than {received - 1}")
        for part in decoder.decode(chunk) if decoder else (chunk,):
            yield part


class _GzipDecoder:
    """Decodes gzip in pieces of bounded size."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(_GZIP_WINDOW)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What some more bytes decode to. Raises Undecodable."""
        more = bool(data)
        while more:
            if self._decoder.eof:  # the next member (RFC 1952, 2.2)
                self._decoder = zlib.decompressobj(_GZIP_WINDOW)
            try:
                part = self._decoder.decompress(data, _PIECE)
            except zlib.error as fault:
                raise Undecodable(f"Content-Encoding 'gzip': {fault}") from None
            ended = self._decoder.eof
            data = self._decoder.unused_data if ended else self._decoder.unconsumed_tail
            more = bool(data) or (len(part) == _PIECE and not ended)  # it may hold more of its output
            if part:
                yield part

    def finish(self) -> None:
        """Raises Undecodable where the content does not end."""
        if not self._decoder.eof:
            raise Undecodable("Content-Encoding 'gzip': the content ends too early")
