"""Room for temporary files on the disk, and processors for work on them."""

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
def room(scratch: Path, prefix: str) -> Iterator[Path]:
    """A new folder in `scratch` that goes away; raises EnvironmentProblem for what the disk refuses."""
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=scratch, prefix=prefix) as folder:
            yield Path(folder)
    except OSError as fault:
        raise EnvironmentProblem(
            f"layers cannot be compared in {scratch}: {fault.strerror or fault}",
            hint="free some space there: each layer is kept as it was downloaded while it is read",
        ) from fault


def processors() -> anyio.CapacityLimiter:
    """One limiter for a whole run, however many images are worked on in it: one place a processor."""
    try:
        return _LIMITER.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(os.cpu_count() or 1)
        _LIMITER.set(limiter)
        return limiter
