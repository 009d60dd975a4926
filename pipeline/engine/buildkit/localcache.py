"""Local caches: folders of this machine that go to the engine before a build and come back after it."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from pipeline.errors import EnvironmentProblem

from ..faults import explained

if TYPE_CHECKING:
    import dagger

_INDEX = "index.json"  # OCI image-layout v1.1; it names everything else by digest


def load(client: dagger.Client, folder: Path) -> dagger.Directory:
    """The cache in a folder; an empty one if there is none."""
    return client.host().directory(str(folder)) if folder.is_dir() else client.directory()


async def keep(left: dagger.Directory, folder: Path) -> None:
    """Replace a folder by the cache that a build left, at once, unless it is the same.

    Raises EnvironmentProblem.
    """
    with explained(f"keeping the cache {folder}"):
        if _INDEX not in await left.entries() or await left.file(_INDEX).contents() == _index(folder):
            return
        fresh = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
        try:
            await left.export(str(fresh))
            await anyio.to_thread.run_sync(_put, fresh, folder)
        except OSError as fault:
            raise EnvironmentProblem(f"{folder} cannot be written: {fault.strerror}") from None
        finally:
            await anyio.to_thread.run_sync(_remove, fresh)


def _index(folder: Path) -> str:
    try:
        return (folder / _INDEX).read_text(encoding="utf-8")
    except OSError:
        return ""


def _put(fresh: Path, folder: Path) -> None:
    old = fresh.with_name(f"{fresh.name}.old")
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    _remove(old)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
