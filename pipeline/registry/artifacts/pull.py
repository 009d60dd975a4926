"""Pulling an artifact: all of its files, verified, or none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from stat import S_ISDIR
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.model import Descriptor, Reference, Repository
from pipeline.oci.artifact import TITLE
from pipeline.util.files import folder_at
from pipeline.util.rooted import reason

from .files import safe_paths
from .show import Artifact, show_artifact

if TYPE_CHECKING:
    from pipeline.util.rooted import RootedFolder

    from ..client import Registry


async def pull_artifact(
    registry: Registry, reference: Reference, output: Path, *, root: Path | None = None
) -> tuple[Artifact, tuple[Path, ...]]:
    """Write the files of an artifact below `output`, byte for byte; returns it and the paths in its order.

    A file without a title is named after its digest. Everything is fetched into a folder beside first, so that a
    failure changes nothing. No link below `root` is followed. Raises RegistryError, UsageError for a conflict in
    `output`, EnvironmentProblem (disk).
    """
    artifact = await show_artifact(registry, reference)
    names = safe_paths([_title(file) for file in artifact.files], str(reference))
    new = not await anyio.Path(output).exists()
    try:
        with folder_at(output, root=root) as folder:
            _check_conflicts(folder, names)
            scratch = f".lockage-pull-{os.urandom(6).hex()}"
            try:
                folder.make(scratch, 0o700)
                await _fetch(registry, reference.repository, artifact.files, folder, scratch)
                for number, name in enumerate(names):
                    folder.move(f"{scratch}/{number}", str(name))
            finally:
                folder.remove_tree(scratch)
                if new:
                    _remove_if_empty(output)
    except OSError as fault:
        raise EnvironmentProblem(
            f"cannot write to {output}: {reason(fault)}",
            hint="free some space, or name another folder: --output DIR",
        ) from fault
    return artifact, tuple(output / name for name in names)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _title(file: Descriptor) -> str:
    title = file.annotations.get(TITLE)
    return f"{file.digest.algorithm}-{file.digest.hex}" if title is None else title


def _check_conflicts(output: RootedFolder, names: Sequence[PurePosixPath]) -> None:
    """Raises UsageError where a file would replace a folder, or its folder is a file or a symbolic link."""
    for name in names:
        if (info := output.stat(str(name))) and S_ISDIR(info.st_mode):
            raise UsageError(
                f"{output.path}/{name} is a folder, the artifact has a file there",
                hint="name another folder: --output DIR",
            )
        for parent in name.parents[:-1]:
            if (info := output.stat(str(parent))) and not S_ISDIR(info.st_mode):
                raise UsageError(
                    f"{output.path}/{parent} is not a folder, the artifact has files in it",
                    hint="name another folder: --output DIR",
                )


async def _fetch(
    registry: Registry, repo: Repository, files: Sequence[Descriptor], folder: RootedFolder, scratch: str
) -> None:
    for number, file in enumerate(files):
        with folder.replacing(f"{scratch}/{number}") as target:
            async for chunk in registry.stream_blob(repo, file):
                await anyio.to_thread.run_sync(target.write, chunk)
