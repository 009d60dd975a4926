"""The only file of the catalogue that reads the disk: a folder becomes a frozen `Source`."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pipeline.config import LOCK_NAME, Lock, read_lock
from pipeline.errors import ConfigError, EnvironmentProblem, Problem

from .limits import MAX_ALL_FILES, MAX_DEPTH, MAX_FILE, MAX_FILES, MAX_TEXT, MAX_TEXTS

PROJECT_NAME = "lockage.yml"
IMAGES = "images"
ROOTFS = "rootfs"

_CHUNK = 1024 * 1024
# a pipe or a link that took a file's place meanwhile is neither waited for nor followed
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_HINT = "`lockage plan` checks again without building anything"
# set by a checkout's umask, and not recorded by git
_UMASK_BITS = 0o022

Kind = Literal["file", "link", "dir", "other"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One entry of the tree. Text files have their `content`, large files and files below a rootfs/ their
    `sha256`, all files their `size` in bytes. `mode` is the permission bits without group and other write."""

    kind: Kind
    mode: int = 0o644
    content: bytes | None = None
    target: str | None = None
    size: int = 0
    sha256: str | None = None

    @property
    def digest(self) -> str | None:
        """The SHA-256 of a file's content."""
        if self.sha256 is None and self.content is not None:
            return hashlib.sha256(self.content).hexdigest()
        return self.sha256


@dataclass(frozen=True)
class Source:
    """A catalogue's files by their posix path below `root`; nothing else is read later."""

    files: Mapping[str, SourceFile]
    root: Path | None = None
    _children: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        children: dict[str, list[str]] = {}
        for path in sorted(self.files):
            parent, _, name = path.rpartition("/")
            children.setdefault(parent, []).append(name)
        object.__setattr__(self, "_children", {k: tuple(v) for k, v in children.items()})

    @classmethod
    def of(cls, files: Mapping[str, str | bytes | SourceFile]) -> Source:
        """A source that was never on a disk; folders are added automatically."""
        out: dict[str, SourceFile] = {}
        for path, given in files.items():
            entry = given if isinstance(given, SourceFile) else _file_of(given)
            if entry.kind == "file" and entry.content is not None and entry.sha256 is None:
                entry = _file_of(entry.content, entry.mode)
            out[path] = entry
            while "/" in path:
                path = path.rpartition("/")[0]
                out.setdefault(path, SourceFile("dir", 0o755))
        return cls(MappingProxyType(out))

    def get(self, path: str) -> SourceFile | None:
        """The entry at a path."""
        return self.files.get(path)

    def children(self, folder: str) -> tuple[str, ...]:
        """Names in a folder, sorted."""
        return self._children.get(folder, ())

    def is_dir(self, path: str) -> bool:
        """Whether a path is a folder (and not a link to one)."""
        entry = self.files.get(path)
        return entry is not None and entry.kind == "dir"

    def read(self, path: str) -> bytes:
        """A file's bytes, exactly those that were hashed. Raises `EnvironmentProblem` if they changed since."""
        entry = self.files[path]
        if entry.content is not None:
            return entry.content
        if self.root is None or entry.kind != "file":
            raise EnvironmentProblem(f"{path} has no content")
        try:
            content = (self.root / path).read_bytes()
        except OSError as error:
            raise EnvironmentProblem(f"cannot read {path}: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise EnvironmentProblem(f"{path} changed while it was used", hint="run the command again")
        return content


def lock_of(source: Source) -> Lock | None:
    """The lock beside lockage.yml, if any. Raises `ConfigError`."""
    entry = source.get(LOCK_NAME)
    if entry is None:
        return None
    if entry.content is None:
        message = f"is larger than {MAX_TEXT // 1024} KiB"
        raise ConfigError([Problem(LOCK_NAME, 0, 0, "", message)], hint="`lockage lock` writes it again")
    return read_lock(entry.content)


def _file_of(content: str | bytes, mode: int = 0o644) -> SourceFile:
    data = content.encode() if isinstance(content, str) else content
    return SourceFile("file", mode, data, None, len(data), hashlib.sha256(data).hexdigest())


def read_source(root: Path) -> Source:
    """Read `lockage.yml`, `lockage.lock` and everything below `images/`.

    Links are recorded and never followed. Raises `ConfigError` for a folder without lockage.yml, one whose
    lockage.yml or lockage.lock is a link, names that are not UTF-8, and trees beyond `MAX_FILES` or `MAX_DEPTH`.
    """
    reader = _Reader(Path(root))
    reader.top()
    if PROJECT_NAME not in reader.files:
        missing = str(Path(root) / PROJECT_NAME)
        raise ConfigError(
            [Problem(missing, 0, 0, "", "is missing")], hint="lockage -C DIR looks in another folder"
        )
    if (reader.root / IMAGES).is_symlink():
        raise reader.refuse(IMAGES, "is a symbolic link", "a folder is expected")
    reader.walk(IMAGES, text=True, depth=1)
    return Source(MappingProxyType(reader.files), Path(root))


class _Reader:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, SourceFile] = {}
        self._bytes = self._texts = 0

    def top(self) -> None:
        for name in (PROJECT_NAME, LOCK_NAME):
            path = self.root / name
            if path.is_symlink():  # its text, which errors quote, may be another's
                raise self.refuse(name, "is a symbolic link", "a file is expected")
            if path.is_file():
                self.files[name] = self._text(os.fspath(path), 0o644, path.stat().st_size)

    def walk(self, folder: str, *, text: bool, depth: int) -> None:
        path = os.path.join(self.root, folder)  # noqa: PTH118 - Path costs more than the stat here
        if depth > MAX_DEPTH:
            raise self.refuse(folder, f"more than {MAX_DEPTH} folders deep")
        try:
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda e: e.name)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self.refuse(folder, f"cannot be read: {error.strerror}") from None
        if folder not in self.files:
            self.files[folder] = SourceFile("dir", 0o755)
        for entry in entries:
            self._take(f"{folder}/{entry.name}", entry, text, depth)

    def _take(self, path: str, entry: os.DirEntry[str], text: bool, depth: int) -> None:
        if len(self.files) >= MAX_FILES:
            raise self.refuse(path, f"the catalogue holds more than {MAX_FILES} files")
        try:
            path.encode()
        except UnicodeEncodeError:
            raise self.refuse(path.encode(errors="replace").decode(), "the name is not UTF-8") from None
        try:
            info = entry.stat(follow_symlinks=False)
            mode = stat.S_IMODE(info.st_mode) & ~_UMASK_BITS
            if stat.S_ISLNK(info.st_mode):
                self.files[path] = SourceFile("link", 0o777, target=os.readlink(entry.path))  # noqa: PTH115
            elif stat.S_ISDIR(info.st_mode):
                self.files[path] = SourceFile("dir", mode)
                self.walk(path, text=text and entry.name != ROOTFS, depth=depth + 1)
            elif not stat.S_ISREG(info.st_mode):
                self.files[path] = SourceFile("other", mode)
            else:
                self._check_size(path, info.st_size)
                if text:
                    self.files[path] = self._text(entry.path, mode, info.st_size)
                    self._check_texts(path)
                else:
                    self.files[path] = self._hashed(entry.path, mode)
        except OSError as error:
            raise self.refuse(path, f"cannot be read: {error.strerror}") from None

    def _check_size(self, path: str, size: int) -> None:
        """Refuse what would take long to read, sparse files too."""
        self._bytes += size
        if size > MAX_FILE:
            raise self.refuse(path, f"is larger than {MAX_FILE // 2**30} GiB")
        if self._bytes > MAX_ALL_FILES:
            raise self.refuse(
                path, f"the files of the catalogue are larger than {MAX_ALL_FILES // 2**30} GiB"
            )

    def _check_texts(self, path: str) -> None:
        self._texts += len(self.files[path].content or b"")
        if self._texts > MAX_TEXTS:
            message = f"the files outside {ROOTFS}/ are larger than {MAX_TEXTS // 2**20} MiB"
            raise self.refuse(path, message)

    def _text(self, path: str, mode: int, size: int) -> SourceFile:
        content = _read(path, size)
        if len(content) > MAX_TEXT:
            return self._hashed(path, mode)  # refused if used as text
        return SourceFile("file", mode, content, None, len(content), None)

    def _hashed(self, path: str, mode: int) -> SourceFile:
        digest, size = hashlib.sha256(), 0
        with os.fdopen(os.open(path, _OPEN), "rb") as file:
            while (chunk := file.read(_CHUNK)) and size <= MAX_FILE:  # it may be growing
                digest.update(chunk)
                size += len(chunk)
        return SourceFile("file", mode, None, None, size, digest.hexdigest())

    def refuse(self, path: str, message: str, suggestion: str | None = None) -> ConfigError:
        """The error of one path."""
        return ConfigError([Problem(path, 0, 0, "", message, suggestion)], hint=_HINT)


def _read(path: str, size: int) -> bytes:
    """A file's bytes, at most one more than `MAX_TEXT`. `size` is its expected size: a catalogue has thousands of
    small files, and this takes a third of the time of a file object."""
    handle = os.open(path, _OPEN)
    try:
        content = os.read(handle, min(size, MAX_TEXT) + 1)
        more = len(content) != size  # it is being written, or larger than the limit
        while more and len(content) <= MAX_TEXT and (piece := os.read(handle, MAX_TEXT + 1 - len(content))):
            content += piece
    finally:
        os.close(handle)
    return content
