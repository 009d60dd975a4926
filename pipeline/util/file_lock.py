"""Locks between processes: `flock` on a file that names its holder. The kernel releases it when the holder ends.

The library filelock does not fit: it does not tell who holds the lock, falls back to marker files without `flock`, and
takes 80 ms to import, twice as long as `lockage --help`.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem

from .files import read_file
from .private_folder import private_folder

_POLL = 0.1
_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def _open(path: Path) -> int:
    try:
        private_folder(path.parent)
        return os.open(path, _LOCK, 0o644)
    except OSError as error:
        raise EnvironmentProblem(f"the lock {path} cannot be used: {error.strerror}") from None


def try_lock(path: Path) -> int | None:
    """An open descriptor that holds the lock until it is closed, or None if another process holds it."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def holder(path: Path) -> str:
    """The last holder of a lock for messages, empty if there was none."""
    try:
        process = json.loads(read_file(path))
        return f"pid {int(process['pid'])} ({process['what']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


@asynccontextmanager
async def locked(
    path: Path, purpose: str, waiting: Callable[[str], None] | None = None
) -> AsyncIterator[None]:
    """Hold the lock; waits for as long as it takes, and reports the holder once through `waiting`."""
    reported = False
    while (descriptor := try_lock(path)) is None:
        if not reported and waiting is not None:
            reported = True
            waiting(holder(path))
        await anyio.sleep(_POLL)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "what": purpose}).encode(), 0)
        yield
    finally:
        os.close(descriptor)
