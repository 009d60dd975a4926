"""New files in a folder that may have some: checked first, written one by one and whole, nothing overwritten."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.util.files import read_file
from pipeline.util.rooted import RootedFolder

if TYPE_CHECKING:
    from pipeline.plan import Generated


def refuse_collisions(
    root: Path, files: Mapping[str, Generated], origin: Path | None, hint: str
) -> list[str]:
    """The paths that do not exist yet; those that already have the content count as done.

    Raises UsageError with every path that holds something else, EnvironmentProblem.
    """
    if not root.exists():
        return list(files)
    new, taken = [], []
    try:
        with RootedFolder.at(root) as folder:
            for path, file in files.items():
                if blocker := _blocker(folder, path):
                    taken.append(blocker)
                elif folder.stat(path) is None:
                    new.append(path)
                elif not _same(folder, path, file, origin):
                    taken.append(path)
    except OSError as error:
        raise EnvironmentProblem(f"cannot read {error.filename or root}: {error.strerror}") from None
    if taken:
        listed = "\n".join(dict.fromkeys(taken))
        raise UsageError(f"{_count(taken)} in {root} would be overwritten", detail=listed, hint=hint)
    return new


def write_new(root: Path, files: Mapping[str, Generated], origin: Path | None, paths: Iterable[str]) -> None:
    """Write the files at these paths, in this order; if one cannot be written, those before it are removed again.

    Raises EnvironmentProblem.
    """
    existed = root.exists()
    created: list[str] = []
    try:
        with RootedFolder.at(root, create=True) as folder:
            try:
                for path in paths:
                    created += [above for above in _above(path) if folder.make(above)]
                    _write(folder, path, files[path], origin)
                    created.append(path)
            except BaseException:
                for path in reversed(created):
                    with suppress(OSError):  # somebody else has put a file into the folder: it stays
                        folder.remove(path)
                if not existed:
                    with suppress(OSError):
                        root.rmdir()
                raise
    except OSError as error:
        raise EnvironmentProblem(f"cannot write {error.filename or root}: {error.strerror}") from None


def _above(path: str) -> Iterable[str]:
    return accumulate(path.split("/")[:-1], "{}/{}".format)


def _blocker(folder: RootedFolder, path: str) -> str | None:
    """What is in the way of a folder: a file, or a link that would lead elsewhere."""
    for above in _above(path):
        info = folder.stat(above)
        if info and not stat.S_ISDIR(info.st_mode):
            return above
    return None


def _same(folder: RootedFolder, path: str, file: Generated, origin: Path | None) -> bool:
    info = folder.stat(path)
    if info is None:
        return False
    if file.kind == "link":
        return stat.S_ISLNK(info.st_mode) and folder.readlink(path) == file.target
    if file.kind == "dir":
        return stat.S_ISDIR(info.st_mode)
    return stat.S_ISREG(info.st_mode) and folder.read(path) == content_of(file, origin)


def content_of(file: Generated, origin: Path | None) -> bytes:
    """A file's bytes; `origin` is the folder that its `origin` is in."""
    if file.content is not None:
        return file.content
    assert origin is not None and file.origin is not None
    return read_file(Path(file.origin), root=origin)


def _write(folder: RootedFolder, path: str, file: Generated, origin: Path | None) -> None:
    if file.kind == "dir":
        folder.make(path)
    elif file.kind == "link":
        folder.symlink(path, file.target or "")
    else:
        folder.create(path, content_of(file, origin), file.mode)


def _count(paths: list[str]) -> str:
    number = len(dict.fromkeys(paths))
    return "1 file" if number == 1 else f"{number} files"
