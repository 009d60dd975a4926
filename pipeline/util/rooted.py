"""Files below a folder, by descriptors: no name below it leads through a symbolic link (openat, O_NOFOLLOW).

A `RootedFolder` is opened once; what is renamed or replaced by a link meanwhile is not followed. A reader of a file
sees the old content or the new content, never a part of either. Links, pipes, sockets and devices are refused where a
file or a folder is expected, by an OSError with the whole path.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO, Self

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # without NONBLOCK, opening a pipe waits
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {
    stat.S_IFLNK: "is a symbolic link",
    stat.S_IFDIR: "is a folder",
    stat.S_IFREG: "is a file",
    stat.S_IFIFO: "is a pipe",
    stat.S_IFSOCK: "is a socket",
}
_NO_NAMES = frozenset(("", ".", ".."))
_name = attrgetter("name")
_REFUSED = {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO}


class RootedFolder:
    """An open folder. Names are relative, with `/` between their parts, and may not contain `..`.

    Every method raises OSError, with the path as `filename`.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor, self.path = descriptor, path

    @classmethod
    def at(cls, path: Path, *, create: bool = False) -> Self:
        """The folder at a path that the user chose: links on the way to it are the user's own."""
        if create:
            path.mkdir(parents=True, exist_ok=True)
        return cls(os.open(path, _FOLDER), os.fspath(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def below(self, name: str, *, create: bool = False) -> RootedFolder:
        """A folder below this one, opened; with `create`, made where it is missing."""
        parts = self._parts(name)
        folder = self._step(parts[0], create) if parts else RootedFolder(os.dup(self._descriptor), self.path)
        for part in parts[1:]:
            with folder:
                folder = folder._step(part, create)
        return folder

    def stat(self, name: str) -> os.stat_result | None:
        """What is at a name, a link as a link; None if there is nothing, or a part on the way is not a folder."""
        try:
            with self._parent(name) as (folder, last):
                return os.stat(last, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                return None
            raise

    def entries(self) -> dict[str, os.stat_result]:
        """What is in this folder, links as links, by name in order."""
        out = {}
        with self._named(""), os.scandir(self._descriptor) as listing:
            for entry in sorted(listing, key=_name):
                try:
                    out[entry.name] = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # it is being removed
                    continue
        return out

    def readlink(self, name: str) -> str:
        """The target of a link."""
        with self._parent(name) as (folder, last):
            return os.readlink(last, dir_fd=folder)

    def open(self, name: str) -> BinaryIO:
        """A regular file, to read."""
        return os.fdopen(self.descriptor(name), "rb")

    def descriptor(self, name: str) -> int:
        """A regular file, to read: its descriptor, for callers that read thousands of small files."""
        if "/" in name:
            above, last = self._split(name)
            with self.below(above) as folder:
                return folder.descriptor(last)
        self._parts(name)
        try:
            descriptor = os.open(name, _READ, dir_fd=self._descriptor)
        except OSError as error:
            raise self._described(error, name) from None
        kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
        if kind != stat.S_IFREG:
            os.close(descriptor)
            raise OSError(errno.EINVAL, _kind(kind), f"{self.path}/{name}")
        return descriptor

    def read(self, name: str, limit: int = -1) -> bytes:
        """The bytes of a regular file, at most `limit` of them."""
        with self.open(name) as file:
            return file.read(limit)

    @contextmanager
    def replacing(self, name: str, *, mode: int | None = None, durable: bool = False) -> Iterator[BinaryIO]:
        """A new file that replaces what is at `name` at the end, a link as such, or is removed on failure.

        `mode` is the file's permission bits whatever the umask; None leaves them to the umask. With `durable`, the
        file survives a crash of the machine. Folders on the way are made.
        """
        above, last = self._split(name)
        with self.below(above, create=True) as folder:
            scratch = _scratch(last)
            with folder._named(last):
                descriptor = os.open(
                    scratch, _NEW, 0o666 if mode is None else 0o600, dir_fd=folder._descriptor
                )
            try:
                with os.fdopen(descriptor, "wb") as file:
                    yield file
                    if mode is not None:
                        os.fchmod(descriptor, mode)
                    if durable:
                        file.flush()
                        os.fsync(descriptor)
                with folder._named(last):
                    os.replace(scratch, last, src_dir_fd=folder._descriptor, dst_dir_fd=folder._descriptor)
                if durable:
                    os.fsync(folder._descriptor)
            except BaseException:
                with suppress(OSError):
                    os.unlink(scratch, dir_fd=folder._descriptor)
                raise

    def replace(
        self, name: str, content: bytes | str, *, mode: int | None = None, durable: bool = False
    ) -> None:
        """Write a whole file, text as UTF-8, as `replacing` does."""
        with self.replacing(name, mode=mode, durable=durable) as file:
            file.write(content.encode() if isinstance(content, str) else content)

    def create(self, name: str, content: bytes, mode: int) -> None:
        """Write a whole file where nothing is. Raises FileExistsError."""
        with self._parent(name) as (folder, last):
            scratch = _scratch(last)
            descriptor = os.open(scratch, _NEW, 0o600, dir_fd=folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    os.fchmod(descriptor, mode)
                _give_name(folder, scratch, last)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(scratch, dir_fd=folder)

    def symlink(self, name: str, target: str) -> None:
        """Make a link where nothing is."""
        with self._parent(name, create=True) as (folder, last):
            os.symlink(target, last, dir_fd=folder)

    def make(self, name: str, mode: int | None = None) -> bool:
        """Make a folder, and those above it, with these permission bits; whether it was not there."""
        with self._parent(name, create=True) as (folder, last):
            try:
                os.mkdir(last, dir_fd=folder)
                new = True
            except FileExistsError:
                new = False
        with self.below(name) as made:
            if mode is not None:
                os.fchmod(made._descriptor, mode)
        return new

    def move(self, name: str, to: str) -> None:
        """Rename a file; it replaces a file or link at its new name. Folders on the way are made."""
        with self._parent(name) as (folder, last), self._parent(to, create=True) as (other, new):
            os.replace(last, new, src_dir_fd=folder, dst_dir_fd=other)

    def remove(self, name: str) -> None:
        """Remove a file, a link as such, or an empty folder; nothing happens where nothing is."""
        status = self.stat(name)
        if status is None:
            return
        with self._parent(name) as (folder, last):
            remove = os.rmdir if stat.S_ISDIR(status.st_mode) else os.unlink
            with suppress(FileNotFoundError):
                remove(last, dir_fd=folder)

    def remove_tree(self, name: str) -> None:
        """Remove whatever is at a name, with its content."""
        import shutil

        status = self.stat(name)
        if status is None or not stat.S_ISDIR(status.st_mode):
            self.remove(name)
            return
        with self._parent(name) as (folder, last):
            shutil.rmtree(last, dir_fd=folder)

    @contextmanager
    def _parent(self, name: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        """The descriptor of the folder that holds a name, and the name's last part."""
        above, last = self._split(name)
        if not above:
            with self._named(last):
                yield self._descriptor, last
            return
        with self.below(above, create=create) as folder, folder._named(last):
            yield folder._descriptor, last

    @contextmanager
    def _named(self, name: str) -> Iterator[None]:
        """Errors get the whole path, and say what is there where that is the cause."""
        try:
            yield
        except OSError as error:
            raise self._described(error, name) from None

    def _described(self, error: OSError, name: str) -> OSError:
        reason = error.strerror or str(error)
        if name and error.errno in _REFUSED:
            with suppress(OSError):
                status = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
                reason = _kind(stat.S_IFMT(status.st_mode))
        return OSError(error.errno or errno.EIO, reason, f"{self.path}/{name}" if name else self.path)

    def _step(self, part: str, create: bool) -> RootedFolder:
        try:
            try:
                descriptor = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=self._descriptor)
            except FileNotFoundError:
                if not create:
                    raise
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=self._descriptor)
                descriptor = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=self._descriptor)
        except OSError as error:
            raise self._described(error, part) from None
        return RootedFolder(descriptor, f"{self.path}/{part}")

    def _split(self, name: str) -> tuple[str, str]:
        above, _, last = name.rpartition("/")
        self._parts(last)
        return above, last

    def _parts(self, name: str) -> list[str]:
        parts = name.split("/") if name else []
        if "\0" in name or not _NO_NAMES.isdisjoint(parts):
            raise OSError(errno.EINVAL, "is not below this folder", f"{self.path}/{name}")
        return parts


def reason(error: OSError) -> str:
    """Why a path cannot be used, after the path: with what is in the way, where that is another."""
    text = error.strerror or str(error)
    return f"{error.filename} {text}" if text.startswith("is ") else text


def _give_name(folder: int, scratch: str, name: str) -> None:
    try:
        os.link(scratch, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: look, then rename
        with suppress(FileNotFoundError):
            os.stat(name, dir_fd=folder, follow_symlinks=False)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name) from None
        os.rename(scratch, name, src_dir_fd=folder, dst_dir_fd=folder)


def _kind(kind: int) -> str:
    return _KINDS.get(kind, "is a device")


def _scratch(name: str) -> str:
    """A name beside `name` that nobody can expect."""
    return f".{name[:64]}.{os.urandom(6).hex()}.part"
