"""Pulling an artifact: all of its files, verified, in their places at once or not at all."""

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
from .push import Artifact, show_artifact

if TYPE_CHECKING:
    from ..client import Registry


async def pull_artifact(
    registry: Registry, reference: Reference, output: Path
) -> tuple[Artifact, tuple[Path, ...]]:
    """Write the files of an artifact below `output`, byte for byte; gives it and the paths in its order.

    A file without a title gets its digest's name. Everything is fetched beside its place first, so that what fails
    changes nothing there. Raises RegistryError, UsageError for what stands in the way, EnvironmentProblem (disk).
    """
    found = await show_artifact(registry, reference)
    names = safe_paths([_title(file) for file in found.files], str(reference))
    new = not await anyio.Path(output).exists()
    try:
        scratch = _begin(output, names)
        try:
            await _fetch(registry, reference.repository, found.files, scratch)
            _place(scratch, output, names)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            if new:
                _drop(output)
    except OSError as fault:
        raise EnvironmentProblem(
            f"cannot write to {output}: {fault.strerror}", hint="free space, or another folder: --output DIR"
        ) from fault
    return found, tuple(output / name for name in names)


def _begin(output: Path, names: Sequence[PurePosixPath]) -> Path:
    output.mkdir(parents=True, exist_ok=True)
    _free(output, names)
    return Path(tempfile.mkdtemp(prefix=".lockage-pull-", dir=output))


def _drop(folder: Path) -> None:
    with suppress(OSError):  # it holds what was pulled
        folder.rmdir()


def _place(scratch: Path, output: Path, names: Sequence[PurePosixPath]) -> None:
    for number, name in enumerate(names):
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (scratch / str(number)).replace(target)


def _title(file: Descriptor) -> str:
    title = file.annotations.get(TITLE)
    return f"{file.digest.algorithm}-{file.digest.hex}" if title is None else title


def _free(output: Path, names: Sequence[PurePosixPath]) -> None:
    """Raises UsageError where a folder stands in a file's place, or a link leads a folder elsewhere."""
    for name in names:
        target = output / name
        if target.is_dir() and not target.is_symlink():
            raise UsageError(
                f"{target} is a folder, the artifact has a file there", hint="--output another folder"
            )
        for parent in name.parents[:-1]:
            place = output / parent
            if place.is_symlink() or (place.exists() and not place.is_dir()):
                raise UsageError(
                    f"{place} is not a folder, the artifact has files in it", hint="--output another folder"
                )


async def _fetch(registry: Registry, repo: Repository, files: Sequence[Descriptor], scratch: Path) -> None:
    for number, file in enumerate(files):
        async with await anyio.open_file(scratch / str(number), "wb") as out:
            async for piece in registry.stream_blob(repo, file):
                await out.write(piece)
