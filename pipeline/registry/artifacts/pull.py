"""Pulling an artifact: all of its files, verified, or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import anyio

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.model import Descriptor, Reference, Repository
from pipeline.oci.artifact import TITLE

from .files import safe_paths
from .show import Artifact, show_artifact

if TYPE_CHECKING:
    from ..client import Registry


async def pull_artifact(
    registry: Registry, reference: Reference, output: Path
) -> tuple[Artifact, tuple[Path, ...]]:
    """Write the files of an artifact below `output`, byte for byte; returns it and the paths in its order.

    A file without a title is named after its digest. Everything is fetched into a folder beside first, so that a
    failure changes nothing. Raises RegistryError, UsageError for a conflict in `output`, EnvironmentProblem (disk).
    """
    artifact = await show_artifact(registry, reference)
    names = safe_paths([_title(file) for file in artifact.files], str(reference))
    new = not await anyio.Path(output).exists()
    try:
        scratch = _make_scratch(output, names)
        try:
            await _fetch(registry, reference.repository, artifact.files, scratch)
            _move(scratch, output, names)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            if new:
                _remove_if_empty(output)
    except OSError as fault:
        raise EnvironmentProblem(
            f"cannot write to {output}: {fault.strerror}",
            hint="free some space, or name another folder: --output DIR",
        ) from fault
    return artifact, tuple(output / name for name in names)


def _make_scratch(output: Path, names: Sequence[PurePosixPath]) -> Path:
    output.mkdir(parents=True, exist_ok=True)
    _check_conflicts(output, names)
    return Path(tempfile.mkdtemp(prefix=".lockage-pull-", dir=output))


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _move(scratch: Path, output: Path, names: Sequence[PurePosixPath]) -> None:
    for number, name in enumerate(names):
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (scratch / str(number)).replace(target)


def _title(file: Descriptor) -> str:
    title = file.annotations.get(TITLE)
    return f"{file.digest.algorithm}-{file.digest.hex}" if title is None else title


def _check_conflicts(output: Path, names: Sequence[PurePosixPath]) -> None:
    """Raises UsageError where a file would replace a folder, or its folder is a file or a symbolic link."""
    for name in names:
        target = output / name
        if target.is_dir() and not target.is_symlink():
            raise UsageError(
                f"{target} is a folder, the artifact has a file there",
                hint="name another folder: --output DIR",
            )
        for parent in name.parents[:-1]:
            folder = output / parent
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                raise UsageError(
                    f"{folder} is not a folder, the artifact has files in it",
                    hint="name another folder: --output DIR",
                )


async def _fetch(registry: Registry, repo: Repository, files: Sequence[Descriptor], scratch: Path) -> None:
    for number, file in enumerate(files):
        async with await anyio.open_file(scratch / str(number), "wb") as target:
            async for chunk in registry.stream_blob(repo, file):
                await target.write(chunk)
