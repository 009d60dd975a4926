"""Files on their way into a registry and out of it: described without holding them, named without harm."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import anyio.to_thread

from pipeline.errors import RegistryError, UsageError
from pipeline.model import Digest

_PIECE = 1024 * 1024
_NAME = 255


async def describe(path: Path) -> tuple[Digest, int]:
    """Digest and size in bytes of a file, read piece by piece; raises UsageError if it cannot be read."""

    def work() -> tuple[Digest, int]:
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                size += len(piece)
        return Digest(f"sha256:{digest.hexdigest()}"), size

    try:
        return await anyio.to_thread.run_sync(work)
    except OSError as fault:
        raise UsageError(f"cannot read {path}: {fault.strerror}", hint="check the path") from None


async def read_small(path: Path, limit: int) -> bytes:
    """A whole file of at most `limit` bytes; raises UsageError."""
    try:
        async with await anyio.open_file(path, "rb") as file:
            content = await file.read(limit + 1)
    except OSError as fault:
        raise UsageError(f"cannot read {path}: {fault.strerror}", hint="check the path") from None
    if len(content) > limit:
        raise UsageError(f"{path} has more than {limit} bytes", hint="push it as a file, not as the config")
    return content


def safe_paths(titles: Iterable[str], where: str) -> list[PurePosixPath]:
    """The titles as paths below a folder, in their order.

    Raises RegistryError for one that leads elsewhere (absolute, `..`), cannot be a file name, comes twice, or is a
    folder of another: whoever wrote the artifact decides the titles, not whoever pulls it.
    """
    seen: dict[PurePosixPath, str] = {}
    out = []
    for title in titles:
        path = PurePosixPath(title)
        parts = title.split("/")
        if (
            path.is_absolute()
            or any(part in ("", ".", "..") or len(part.encode()) > _NAME for part in parts)
            or not title.isprintable()
            or "\\" in title
        ):
            raise _unsafe(where, title, "it does not name a file below the folder that it is pulled into")
        if path in seen:
            raise _unsafe(where, title, "two of its files are called so")
        seen[path] = title
        out.append(path)
    for path in out:
        if any(parent in seen for parent in path.parents):
            raise _unsafe(where, str(path), "another of its files is called as its folder")
    return out


def _unsafe(where: str, title: str, why: str) -> RegistryError:
    return RegistryError(
        f"{where} names a file {title[:200]!r}: {why}",
        hint="nothing was written; do not trust it, or ask whoever pushed it",
    )
