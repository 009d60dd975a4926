"""New files beside what is there: looked at first, written one by one and whole, nothing ever overwritten."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.util.files import replace_file

if TYPE_CHECKING:
    from pipeline.plan.output.disk import Generated


def refuse_collisions(
    root: Path, files: Mapping[str, Generated], origin: Path | None, hint: str
) -> list[str]:
    """Paths that are not there yet; those that are there as they would be written count as done.

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
    """Write these of the files, the last one last. What was written is taken away again if one cannot be.

    Raises EnvironmentProblem.
    """
    made: list[Path] = []
    try:
        for path in paths:
            _folders(root, path, made)
            _write(root / path, files[path], origin)
            made.append(root / path)
    except OSError as fault:
        _undo(made)
        raise EnvironmentProblem(
            f"cannot write {fault.filename2 or fault.filename}: {fault.strerror}"
        ) from None
    except BaseException:
        _undo(made)
        raise


def replace_text(place: Path, text: str) -> None:
    """A text file, at once or not at all. Raises EnvironmentProblem."""
    try:
        replace_file(place, text, mode=0o644)
    except OSError as fault:
        raise EnvironmentProblem(f"cannot write {place}: {fault.strerror}") from None


def _blocker(root: Path, path: str) -> str | None:
    """What stands where a folder is needed: a file, or a link that would lead elsewhere."""
    place = root
    for part in path.split("/")[:-1]:
        place = place / part
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            return place.relative_to(root).as_posix()
    return None


def _same(place: Path, file: Generated, origin: Path | None) -> bool:
    if file.kind == "link":
        return place.is_symlink() and os.fspath(place.readlink()) == file.target
    if file.kind == "dir":
        return place.is_dir() and not place.is_symlink()
    if place.is_symlink() or not place.is_file():
        return False
    return place.read_bytes() == _content(file, origin)


def _content(file: Generated, origin: Path | None) -> bytes:
    if file.content is not None:
        return file.content
    assert origin is not None and file.origin is not None
    return (origin / file.origin).read_bytes()


def _folders(root: Path, path: str, made: list[Path]) -> None:
    place = root
    for part in ("", *path.split("/")[:-1]):
        place = place / part if part else place
        if not place.exists():
            place.mkdir(parents=part == "")
            made.append(place)


def _write(place: Path, file: Generated, origin: Path | None) -> None:
    if file.kind == "dir":
        place.mkdir(exist_ok=True)
        return
    if file.kind == "link":
        place.symlink_to(file.target or "")
        return
    handle, name = tempfile.mkstemp(prefix=".lockage-", dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(_content(file, origin))
            os.fchmod(out.fileno(), file.mode)
        _name(Path(name), place)
    finally:
        Path(name).unlink(missing_ok=True)


def _name(scratch: Path, place: Path) -> None:
    """Give a whole file its name. Raises FileExistsError where something came to be meanwhile."""
    try:
        os.link(scratch, place)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: a look, then a move
        if os.path.lexists(place):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place)) from None
        scratch.rename(place)


def _undo(made: list[Path]) -> None:
    for place in reversed(made):
        try:
            place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()
        except OSError:  # somebody put something into it: that is theirs
            continue


def _count(paths: list[str]) -> str:
    number = len(dict.fromkeys(paths))
    return "1 file" if number == 1 else f"{number} files"
