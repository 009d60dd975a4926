"""Blobs written as a stream, whose digest is known at the end."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from types import TracebackType

from pipeline.model import Descriptor, Digest


class BlobWriter:
    """Writes one blob under its own digest; leaves nothing behind if the block fails."""

    def __init__(self, blobs: Path) -> None:
        blobs.mkdir(parents=True, exist_ok=True)
        self._folder = blobs
        self._part = blobs / f".part-{os.getpid()}-{secrets.token_hex(4)}"
        self._hash = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> BlobWriter:
        self._file = self._part.open("wb")
        return self

    def write(self, data: bytes) -> None:
        """Append to the blob."""
        self._hash.update(data)
        self._size += len(data)
        self._file.write(data)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self._folder / self._hash.hexdigest())
        else:
            self._part.unlink(missing_ok=True)

    def descriptor(self, media_type: str) -> Descriptor:
        """The descriptor of the blob, once the block has ended."""
        return Descriptor(media_type, Digest(f"sha256:{self._hash.hexdigest()}"), self._size)
