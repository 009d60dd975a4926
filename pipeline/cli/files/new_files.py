"""New files in a folder that may have some: checked first, written one by one and whole, nothing overwritten."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from pipeline.plan import Generated


def refuse_collisions(
    root: Path, files: Mapping[str, Generated], origin: Path | None, hint: str
) -> list[str]:
    """The paths that do not exist yet; those that already have the content count as done.

    Raises UsageError with every path that holds something else.
    """
    new, taken = [], []
    for path, file in files.items():
        if blocker := _blocker(root, path):
            taken.append(blocker)
        elif not os.path.lexists(root / path):
            new.append(path)
        elif not _same(root / path, file, origin):
            taken.append(path)
    if taken:
        listed = "\n".join(dict.fromkeys(taken))
        raise UsageError(f"{_count(taken)} in {root} would be overwritten", detail=listed, hint=hint)
    return new


def write_new(root: Path, files: Mapping[str, Generated], origin: Path | None, paths: Iterable[str]) -> None:
    """Write the files at these paths, in this order; if one cannot be written, those before it are removed again.

    Raises EnvironmentProblem.
    """
    created: list[Path] = []
    try:
        for path in paths:
            _create_folders(root, path, created)
            _write(root / path, files[path], origin)
            created.append(root / path)
    except OSError as error:
        _undo(created)
        raise EnvironmentProblem(
            f"cannot write {error.filename2 or error.filename}: {error.strerror}"
        ) from None
    except BaseException:
        _undo(created)
        raise


def _blocker(root: Path, path: str) -> str | None:
    """What is in the way of a folder: a file, or a link that would lead elsewhere."""
    folder = root
    for part in path.split("/")[:-1]:
        folder = folder / part
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            return folder.relative_to(root).as_posix()
    return None


def _same(path: Path, file: Generated, origin: Path | None) -> bool:
    if file.kind == "link":
        return path.is_symlink() and os.fspath(path.readlink()) == file.target
    if file.kind == "dir":
        return path.is_dir() and not path.is_symlink()
    if path.is_symlink() or not path.is_file():
        return False
    return path.read_bytes() == _content(file, origin)


def _content(file: Generated, origin: Path | None) -> bytes:
    if file.content is not None:
        return file.content
    assert origin is not None and file.origin is not None
    return (origin / file.origin).read_bytes()


def _create_folders(root: Path, path: str, created: list[Path]) -> None:
    folder = root
    for part in ("", *path.split("/")[:-1]):
        folder = folder / part if part else folder
        if not folder.exists():
            folder.mkdir(parents=part == "")
            created.append(folder)


def _write(path: Path, file: Generated, origin: Path | None) -> None:
    if file.kind == "dir":
        path.mkdir(exist_ok=True)
        return
    if file.kind == "link":
        path.symlink_to(file.target or "")
        return
    descriptor, name = tempfile.mkstemp(prefix=".lockage-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(_content(file, origin))
            os.fchmod(out.fileno(), file.mode)
        _give_name(Path(name), path)
    finally:
        Path(name).unlink(missing_ok=True)


def _give_name(scratch: Path, path: Path) -> None:
    """Move a complete file to its name. Raises FileExistsError where a file has appeared meanwhile."""
    try:
        os.link(scratch, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: check, then rename
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        scratch.rename(path)


def _undo(created: list[Path]) -> None:
    for path in reversed(created):
        try:
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        except OSError:  # somebody else has put a file into the folder: it stays
            continue


def _count(paths: list[str]) -> str:
    number = len(dict.fromkeys(paths))
    return "1 file" if number == 1 else f"{number} files"
