"""Entries of the cache: folders built once per machine, by one process at a time, and complete or absent."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass
from pipeline.util.file_lock import locked
from pipeline.util.private_folder import private_folder

from .settings import StepCallback, report_waiting


@dataclass(frozen=True, slots=True)
class CachedFolder:
    """A folder of the cache, complete once it contains `marker`.

    Entries with the same parent and `group` are built one at a time, whichever process builds them.
    """

    path: Path
    marker: str
    group: str = ""

    @property
    def complete(self) -> bool:
        """Whether the entry can be used."""
        return (self.path / self.marker).exists()


async def build_once(
    entry: CachedFolder, build: Callable[[Path], Awaitable[Path]], step: str, report: StepCallback
) -> Path:
    """The entry's folder, built now unless it is complete.

    `build` gets a temporary folder next to the entry and returns the folder in it that becomes the entry.
    Raises `EnvironmentProblem` if the cache cannot be written.
    """
    if entry.complete:
        return entry.path
    parent = entry.path.parent
    suffix = f"-{entry.group}" if entry.group else ""
    try:
        private_folder(parent)
    except OSError as error:
        raise EnvironmentProblem(
            f"{parent}: {error.strerror}", hint="set LOCKAGE_CACHE to a folder of yours"
        ) from error
    async with locked(parent / f".lock{suffix}", step, report_waiting(step, report)):
        if entry.complete:
            return entry.path
        for stale in parent.glob(f".new{suffix}-*"):  # we hold the lock, so its builder is gone
            shutil.rmtree(stale, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=f".new{suffix}-", dir=parent) as temporary:
            built = await build(Path(temporary))
            shutil.rmtree(entry.path, ignore_errors=True)  # without its marker it was never complete
            built.rename(entry.path)
    return entry.path
