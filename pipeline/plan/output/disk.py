"""The current content of dist/, with each folder listed once and each file read once."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping
from os import stat_result
from typing import Literal

from pipeline.catalogue.source import Source
from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass
from pipeline.util.rooted import RootedFolder

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
    """A folder on the disk, which must not change while it is read; None is one that does not exist."""

    def __init__(self, root: RootedFolder | None) -> None:
        self._root = root
        self._listings: dict[str, Mapping[str, stat_result] | None] = {}

    def holds(self, path: str) -> bool:
        """Whether anything is at this path, a link as a link."""
        folder, _, name = path.rpartition("/")
        return name in (self._listing(folder) or ())

    def state(self, path: str, file: Generated) -> Literal["add", "change"] | None:
        """The change that a path needs to have exactly this content; None if it has. Raises OSError."""
        folder, _, name = path.rpartition("/")
        info = (self._listing(folder) or {}).get(name)
        if info is None or self._root is None:
            return "add"
        try:
            return None if _same(self._root, path, info, file) else "change"
        except FileNotFoundError:
            return "add"

    def _listing(self, folder: str) -> Mapping[str, stat_result] | None:
        """What is in a folder; None if it does not exist, or it or a parent is not a folder."""
        if folder not in self._listings:
            self._listings[folder] = self._list(folder)
        return self._listings[folder]

    def _list(self, folder: str) -> Mapping[str, stat_result] | None:
        if self._root is None:
            return None
        above, _, name = folder.rpartition("/")
        if folder and name not in (self._listing(above) or ()):
            return None
        try:
            with self._root.below(folder) as opened:
                return opened.entries()
        except (FileNotFoundError, NotADirectoryError):
            return None


def _same(folder: RootedFolder, path: str, info: stat_result, file: Generated) -> bool:
    mode = info.st_mode
    if file.kind == "link":
        return stat.S_ISLNK(mode) and folder.readlink(path) == file.target
    if stat.S_IMODE(mode) != file.mode:
        return False
    if file.kind == "dir":
        return stat.S_ISDIR(mode)
    if not stat.S_ISREG(mode):
        return False
    if file.content is None:
        return _sha256(folder, path) == file.sha256
    return info.st_size == len(file.content) and folder.read(path, len(file.content) + 1) == file.content


def _sha256(folder: RootedFolder, path: str) -> str:
    digest = hashlib.sha256()
    with folder.open(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
