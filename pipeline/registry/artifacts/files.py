"""Files of artifacts: described in constant memory, and titles checked before they become paths."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import anyio.to_thread

from pipeline.errors import RegistryError, UsageError
from pipeline.model import Digest

from ..limits import TITLE_CHARACTERS, TITLE_DEPTH

_NAME = 255


async def describe(path: Path) -> tuple[Digest, int]:
    """Digest and size in bytes of a file, in constant memory; raises UsageError if it cannot be read."""

    def read() -> tuple[Digest, int]:
        _check_file(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            return Digest(f"sha256:{digest.hexdigest()}"), file.tell()

    try:
        return await anyio.to_thread.run_sync(read)
    except OSError as fault:
        raise UsageError(f"cannot read {path}: {fault.strerror}", hint="check the path") from None


async def read_small(path: Path, limit: int) -> bytes:
    """A whole file of at most `limit` bytes; raises UsageError."""
    try:
        _check_file(path)
        async with await anyio.open_file(path, "rb") as file:
            content = await file.read(limit + 1)
    except OSError as fault:
        raise UsageError(f"cannot read {path}: {fault.strerror}", hint="check the path") from None
    if len(content) > limit:
        raise UsageError(f"{path} has more than {limit} bytes", hint="push it as a file, not as the config")
    return content


def _check_file(path: Path) -> None:
    """A pipe or device may never end, and is not the same when it is read again."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UsageError(f"{path} is not a regular file", hint="push a file: copy its content into one first")


def safe_paths(titles: Iterable[str], artifact: str) -> list[PurePosixPath]:
    """The titles of `artifact` as relative paths, in their order.

    Raises RegistryError for a title that leads elsewhere (absolute, `..`), is not a file name, is repeated, is the
    folder of another, or is beyond the limits: titles are by whoever wrote the artifact, not by whoever pulls it.
    """
    seen: dict[PurePosixPath, str] = {}
    paths = []
    for title in titles:
        path = PurePosixPath(title)
        parts = title.split("/", TITLE_DEPTH + 1)
        if (
            path.is_absolute()
            or len(title) > TITLE_CHARACTERS
            or len(parts) > TITLE_DEPTH
            or any(part in ("", ".", "..") or len(part.encode()) > _NAME for part in parts)
            or not title.isprintable()
            or "\\" in title
        ):
            raise _unsafe(artifact, title, "it does not name a file below the folder that it is pulled into")
        if path in seen:
            raise _unsafe(artifact, title, "two of its files have this name")
        seen[path] = title
        paths.append(path)
    for path in paths:
        if any(parent in seen for parent in path.parents):
            raise _unsafe(artifact, str(path), "another of its files has the name of its folder")
    return paths


def _unsafe(artifact: str, title: str, problem: str) -> RegistryError:
    return RegistryError(
        f"{artifact} names a file {title[:200]!r}: {problem}",
        hint="nothing was written; do not trust it, or ask whoever pushed it",
    )
