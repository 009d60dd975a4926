"""Whole files: a reader sees the old content or the new content, never a part of either."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """An unused path beside `path`. The file written there replaces `path` at the end, or is removed on failure."""
    part = path.with_name(f".{path.name[:64]}.{secrets.token_hex(6)}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes | str, *, mode: int | None = None) -> None:
    """Write a whole file, text as UTF-8, and create its folder. Raises OSError.

    `mode` is the file's permission bits whatever the umask; None leaves them to the umask.
    """
    raw = content.encode() if isinstance(content, str) else content
    with replacing(path) as part:
        try:
            descriptor = _create(part, mode)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _create(part, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            if mode is not None:
                os.fchmod(descriptor, mode)


def _create(path: Path, mode: int | None) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.open(path, flags, 0o666 if mode is None else 0o600)
