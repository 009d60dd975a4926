"""The current content of dist/, with each folder listed once and each file read once."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.catalogue.source import Source
from pipeline.errors import EnvironmentProblem

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Generated:
    """One path of dist/. A file has `content`, or `origin` in the source; a link has `target`."""

    kind: Literal["file", "link", "dir"]
    mode: int = 0o644
    content: bytes | None = None
    origin: str | None = None
    sha256: str | None = None
    target: str | None = None

    def read(self, source: Source | None) -> bytes:
        """The file's bytes. Raises `EnvironmentProblem` if the source changed after planning."""
        if self.content is not None:
            return self.content
        if source is None or self.origin is None:
            raise EnvironmentProblem("a generated file has no content")
        return source.read(self.origin)


class Disk:
    """A folder on the disk, which must not change while it is read. Symbolic links below it are never followed."""

    def __init__(self, root: Path) -> None:
        self._root = os.fspath(root)
        self._listings: dict[str, Mapping[str, os.DirEntry[str]] | None] = {}

    def state(self, path: str, file: Generated) -> Literal["add", "change"] | None:
        """The change that a path needs to have exactly this content; None if it has. Raises `EnvironmentProblem`."""
        folder, _, name = path.rpartition("/")
        listing = self._listing(folder)
        entry = listing.get(name) if listing is not None else None
        if entry is None:
            return "add"
        try:
            return None if _same(entry, file) else "change"
        except FileNotFoundError:
            return "add"
        except OSError as error:
            raise EnvironmentProblem(f"cannot read {error.filename or path}: {error.strerror}") from None

    def _listing(self, folder: str) -> Mapping[str, os.DirEntry[str]] | None:
        """The entries of a folder; None if it does not exist, or it or a parent is not a folder."""
        if folder not in self._listings:
            self._listings[folder] = self._list(folder)
        return self._listings[folder]

    def _list(self, folder: str) -> Mapping[str, os.DirEntry[str]] | None:
        if folder:
            above, _, name = folder.rpartition("/")
            listing = self._listing(above)
            entry = listing.get(name) if listing is not None else None
            if entry is None or not entry.is_dir(follow_symlinks=False):
                return None
        try:
            with os.scandir(f"{self._root}/{folder}") as entries:
                return {entry.name: entry for entry in entries}
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise EnvironmentProblem(f"cannot read {error.filename}: {error.strerror}") from None


def _same(entry: os.DirEntry[str], file: Generated) -> bool:
    info = entry.stat(follow_symlinks=False)
    mode = info.st_mode
    if file.kind == "link":
        return stat.S_ISLNK(mode) and os.readlink(entry.path) == file.target  # noqa: PTH115 - no Path is made
    if stat.S_IMODE(mode) != file.mode:
        return False
    if file.kind == "dir":
        return stat.S_ISDIR(mode)
    if not stat.S_ISREG(mode):
        return False
    if file.content is None:
        return _sha256(entry.path) == file.sha256
    return info.st_size == len(file.content) and _read(entry.path, len(file.content)) == file.content


def _read(path: str, size: int) -> bytes:
    """A file's bytes, which should be `size`; one more if the file is longer."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return os.read(handle, size + 1)
    finally:
        os.close(handle)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while chunk := os.read(handle, _CHUNK):
            digest.update(chunk)
    finally:
        os.close(handle)
    return digest.hexdigest()
