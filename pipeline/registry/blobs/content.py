"""Content of blobs: bytes, a file, or a function that opens the same stream from its beginning for each attempt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import anyio.to_thread

from pipeline.errors import RegistryError

_NO_THREAD_BYTES = 64 * 1024
Content = bytes | Path | Callable[[], AsyncIterator[bytes]]


def opener(
    content: Path | Callable[[], AsyncIterator[bytes]], chunk: int
) -> Callable[[], AsyncIterator[bytes]]:
    """A function that opens the content from its beginning; a file is read `chunk` bytes at a time."""
    if isinstance(content, Path):
        return lambda: file_part(content, 0, None, chunk)
    return content


async def file_part(path: Path, start: int, length: int | None, chunk: int) -> AsyncIterator[bytes]:
    """Part of a file, or all from `start` on, `chunk` bytes at a time. Raises RegistryError if it cannot be read."""
    left = length
    try:
        async with await anyio.open_file(path, "rb") as file:
            await file.seek(start)
            while left is None or left > 0:
                data = await file.read(chunk if left is None else min(chunk, left))
                if not data:
                    return
                left = None if left is None else left - len(data)
                yield data
    except OSError as fault:
        raise RegistryError(f"cannot read {path}: {fault.strerror}") from fault


async def read_small_file(path: Path, size: int) -> bytes:
    """A whole file of `size` bytes, read in one step where a stream takes five. A few kilobytes are read without a
    thread, which would take longer. Raises RegistryError if it cannot be read.
    """
    try:
        return (
            _read(path, size)
            if size <= _NO_THREAD_BYTES
            else await anyio.to_thread.run_sync(_read, path, size)
        )
    except OSError as fault:
        raise RegistryError(f"cannot read {path}: {fault.strerror}") from fault


def _read(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size + 1)  # one more than described, to notice a larger file
