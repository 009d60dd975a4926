"""Files of an OCI image layout that somebody else wrote: only regular ones are opened, and no link is followed.

A pipe in the place of `index.json` would block its reader for ever, a device may act when it is opened, and a symbolic
link leads out of the layout.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_KINDS = {
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def open_file(folder: Path, *parts: str) -> FileIO:
    """Open a file below a layout's folder for reading, unbuffered. Raises OSError for all that is no regular file."""
    with _parent(folder, parts) as parent:
        _check(os.stat(parts[-1], dir_fd=parent, follow_symlinks=False), parts[-1])
        descriptor = os.open(parts[-1], _FILE, dir_fd=parent)
    file = FileIO(descriptor, "rb")
    try:
        _check(os.fstat(descriptor), parts[-1])
    except OSError:
        file.close()
        raise
    return file


def size_of(folder: Path, *parts: str) -> int | None:
    """The size of a file below a layout's folder in bytes; None if there is no regular file."""
    try:
        with _parent(folder, parts) as parent:
            status = os.stat(parts[-1], dir_fd=parent, follow_symlinks=False)
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


@contextmanager
def _parent(folder: Path, parts: tuple[str, ...]) -> Iterator[int]:
    """The folder of the last part, reached through no symbolic link but `folder` itself, which the user names."""
    descriptor = os.open(folder, _FOLDER)
    try:
        for part in parts[:-1]:
            try:
                inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            except NotADirectoryError:  # also for a link
                raise NotADirectoryError(errno.ENOTDIR, f"{part} is not a folder") from None
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _check(status: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "special file")
        raise OSError(errno.EINVAL, f"{name} is a {kind}, not a file")
