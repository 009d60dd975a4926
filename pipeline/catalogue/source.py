"""The only file of the catalogue that reads the disk: a folder becomes a frozen `Source`."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pipeline.config import LOCK_NAME, Lock, read_lock
from pipeline.errors import ConfigError, EnvironmentProblem, Problem
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file
from pipeline.util.rooted import RootedFolder

from .limits import MAX_ALL_FILES, MAX_DEPTH, MAX_FILE, MAX_FILES, MAX_TEXT, MAX_TEXTS

PROJECT_NAME = "lockage.yml"
IMAGES = "images"
ROOTFS = "rootfs"
IMAGE_FILE = "image.yml"

_CHUNK = 1024 * 1024
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

    def levels(self, folder: str) -> tuple[str, ...]:
        """Names of the folders in a folder that may be an image, a version or a variant."""
        names = self.children(folder)
        return tuple(
            name
            for name in names
            if name != ROOTFS and name[0] not in "_." and self.is_dir(f"{folder}/{name}")
        )

    def read(self, path: str) -> bytes:
        """A file's bytes, exactly those that were hashed. Raises `EnvironmentProblem` if they changed since."""
        entry = self.files[path]
        if entry.content is not None:
            return entry.content
        if self.root is None or entry.kind != "file":
            raise EnvironmentProblem(f"{path} has no content")
        try:
            content = read_file(self.root / path, root=self.root)
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
    reader = _Reader()
    try:
        with RootedFolder.at(Path(root)) as folder:
            reader.top(folder)
            if PROJECT_NAME in reader.files:
                reader.images(folder)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise reader.refuse(str(root), f"cannot be read: {error.strerror}") from None
    if PROJECT_NAME not in reader.files:
        missing = str(Path(root) / PROJECT_NAME)
        raise ConfigError(
            [Problem(missing, 0, 0, "", "is missing")],
            hint="lockage init starts a catalogue here, -C DIR looks in another folder",
        )
    return Source(MappingProxyType(reader.files), Path(root))


class _Reader:
    def __init__(self) -> None:
        self.files: dict[str, SourceFile] = {}
        self._bytes = self._texts = 0
        self._withheld = 0

    def top(self, root: RootedFolder) -> None:
        for name in (PROJECT_NAME, LOCK_NAME):
            info = root.stat(name)
            if info and stat.S_ISLNK(info.st_mode):  # its text, which errors quote, may be another's
                raise self.refuse(name, "is a symbolic link", "a file is expected")
            if info and stat.S_ISREG(info.st_mode):
                self.files[name] = self._text(root, name, 0o644, info.st_size)
                if name == PROJECT_NAME:
                    self._withheld = _withheld(info.st_mode)

    def images(self, root: RootedFolder) -> None:
        info = root.stat(IMAGES)
        if info and stat.S_ISLNK(info.st_mode):
            raise self.refuse(IMAGES, "is a symbolic link", "a folder is expected")
        if info:
            self._walk(root, IMAGES, IMAGES, text=True)

    def _walk(self, above: RootedFolder, name: str, path: str, *, text: bool) -> None:
        depth = path.count("/") + 1
        if depth > MAX_DEPTH:
            raise self.refuse(path, f"more than {MAX_DEPTH} folders deep")
        try:
            with above.below(name) as folder:
                self.files.setdefault(path, SourceFile("dir", 0o755))
                for inner, info in folder.entries().items():
                    self._take(folder, inner, f"{path}/{inner}", info, text)
        except OSError as error:
            raise self.refuse(path, f"cannot be read: {error.strerror}") from None

    def _take(self, folder: RootedFolder, name: str, path: str, info: os.stat_result, text: bool) -> None:
        if len(self.files) >= MAX_FILES:
            raise self.refuse(path, f"the catalogue holds more than {MAX_FILES} files")
        try:
            path.encode()
        except UnicodeEncodeError:
            raise self.refuse(path.encode(errors="replace").decode(), "the name is not UTF-8") from None
        mode = stat.S_IMODE(info.st_mode) & ~_UMASK_BITS
        mode |= ((mode & 0o500) >> 3 | (mode & 0o500) >> 6) & self._withheld
        try:
            if stat.S_ISLNK(info.st_mode):
                self.files[path] = SourceFile("link", 0o777, target=folder.readlink(name))
            elif stat.S_ISDIR(info.st_mode):
                self.files[path] = SourceFile("dir", mode)
                self._walk(folder, name, path, text=text and name != ROOTFS)
            elif not stat.S_ISREG(info.st_mode):
                self.files[path] = SourceFile("other", mode)
            else:
                self._check_size(path, info.st_size)
                if text:
                    self.files[path] = self._text(folder, name, mode, info.st_size)
                    self._check_texts(path)
                else:
                    self.files[path] = self._hashed(folder, name, mode)
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

    def _text(self, folder: RootedFolder, name: str, mode: int, size: int) -> SourceFile:
        content = _read(folder, name, size)
        if len(content) > MAX_TEXT:
            return self._hashed(folder, name, mode)  # refused if used as text
        return SourceFile("file", mode, content, None, len(content), None)

    def _hashed(self, folder: RootedFolder, name: str, mode: int) -> SourceFile:
        digest, size = hashlib.sha256(), 0
        with folder.open(name) as file:
            while (chunk := file.read(_CHUNK)) and size <= MAX_FILE:  # it may be growing
                digest.update(chunk)
                size += len(chunk)
        return SourceFile("file", mode, None, None, size, digest.hexdigest())

    def refuse(self, path: str, message: str, suggestion: str | None = None) -> ConfigError:
        """The error of one path."""
        return ConfigError([Problem(path, 0, 0, "", message, suggestion)], hint=_HINT)


def _withheld(mode: int) -> int:
    """What a checkout's umask took from group and others, by the mode of lockage.yml: git records none of it, and an
    image must not depend on who checked it out."""
    return (0 if mode & stat.S_IRGRP else 0o050) | (0 if mode & stat.S_IROTH else 0o005)


def _read(folder: RootedFolder, name: str, size: int) -> bytes:
    """A file's bytes, at most one more than `MAX_TEXT`. `size` is its expected size: a catalogue has thousands of
    small files, and this takes a third of the time of a file object."""
    handle = folder.descriptor(name)
    try:
        content = os.read(handle, min(size, MAX_TEXT) + 1)
        more = len(content) != size  # it is being written, or larger than the limit
        while more and len(content) <= MAX_TEXT and (piece := os.read(handle, MAX_TEXT + 1 - len(content))):
            content += piece
    finally:
        os.close(handle)
    return content
