"""Temporary folders, and a limit for work on all processors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from anyio.lowlevel import RunVar

from pipeline.errors import EnvironmentProblem

_LIMITER: RunVar[anyio.CapacityLimiter] = RunVar("processors")


@contextmanager
def temporary_folder(scratch: Path, prefix: str) -> Iterator[Path]:
    """A new folder in `scratch`, removed afterwards; raises EnvironmentProblem for disk errors."""
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=scratch, prefix=prefix) as folder:
            yield Path(folder)
    except OSError as fault:
        raise EnvironmentProblem(
            f"layers cannot be compared in {scratch}: {fault.strerror or fault}",
            hint="free some space there: each compressed layer is stored while it is read",
        ) from fault


def processors() -> anyio.CapacityLimiter:
    """The limiter of a run for work that needs a processor, one token each."""
    try:
        return _LIMITER.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(os.cpu_count() or 1)
        _LIMITER.set(limiter)
        return limiter
