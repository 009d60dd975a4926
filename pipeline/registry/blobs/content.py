"""What blobs are made of: bytes, a file, or a function that opens the same stream afresh for each try."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import anyio.to_thread

from pipeline.errors import RegistryError

_TINY = 64 * 1024
Content = bytes | Path | Callable[[], AsyncIterator[bytes]]


def opener(
    content: Path | Callable[[], AsyncIterator[bytes]], piece: int
) -> Callable[[], AsyncIterator[bytes]]:
    """What opens the content from its beginning, in pieces of so many bytes."""
    if isinstance(content, Path):
        return lambda: file_part(content, 0, None, piece)
    return content


async def file_part(path: Path, start: int, length: int | None, piece: int) -> AsyncIterator[bytes]:
    """Part of a file, or all from `start` on. Raises RegistryError if it cannot be read."""
    left = length
    try:
        async with await anyio.open_file(path, "rb") as file:
            await file.seek(start)
            while left is None or left > 0:
                part = await file.read(piece if left is None else min(piece, left))
                if not part:
                    return
                left = None if left is None else left - len(part)
                yield part
    except OSError as fault:
        raise RegistryError(f"cannot read {path}: {fault.strerror}") from fault


async def small_file(path: Path, size: int) -> bytes:
    """A whole file that is small enough to be held: one step, where a stream of it takes five; a thread for a few
    kilobytes would cost more than it saves. Raises RegistryError if it cannot be read.
    """
    try:
        return _read(path, size) if size <= _TINY else await anyio.to_thread.run_sync(_read, path, size)
    except OSError as fault:
        raise RegistryError(f"cannot read {path}: {fault.strerror}") from fault


def _read(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size + 1)  # one more than described shows that it is not what was described
