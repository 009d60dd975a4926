"""A folder of anybody's files, looked at: names, kinds and modes of all, the text of those that are asked for."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from pipeline.catalogue import Source, SourceFile
from pipeline.catalogue.source import MAX_DEPTH, MAX_FILES, MAX_TEXT
from pipeline.errors import ConfigError, Problem, UsageError

_UMASK_BITS = 0o022  # what a checkout's umask decides


def read_folder(root: Path, wanted: Callable[[str], bool]) -> Source:
    """Everything below a folder but `.git`; `wanted` says by a file's name whether its text is read.

    Links are recorded and never followed. Raises UsageError for what is no folder, ConfigError for names that
    are not UTF-8 and for more than is allowed.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder", hint="name the folder that holds the Dockerfiles")
    files: dict[str, SourceFile] = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as found:
                entries = sorted(found, key=lambda e: e.name)
        except OSError as fault:
            raise _refuse(folder or str(root), f"cannot be read: {fault.strerror}") from None
        for entry in entries:
            if entry.name == ".git":
                continue
            path = f"{folder}/{entry.name}" if folder else entry.name
            files[path] = _entry(path, entry, wanted)
            if files[path].kind == "dir":
                waiting.append(path)
        if len(files) > MAX_FILES or folder.count("/") >= MAX_DEPTH:
            raise _refuse(folder or str(root), f"more than {MAX_FILES} files, or {MAX_DEPTH} folders deep")
    return Source(MappingProxyType(files), root)


def _entry(path: str, entry: os.DirEntry[str], wanted: Callable[[str], bool]) -> SourceFile:
    try:
        path.encode()
        info = entry.stat(follow_symlinks=False)
        mode = stat.S_IMODE(info.st_mode) & ~_UMASK_BITS
        if stat.S_ISLNK(info.st_mode):
            return SourceFile("link", 0o777, target=str(Path(entry.path).readlink()))
        if stat.S_ISDIR(info.st_mode):
            return SourceFile("dir", mode)
        if not stat.S_ISREG(info.st_mode):
            return SourceFile("other", mode)
        content = None
        if wanted(entry.name) and info.st_size <= MAX_TEXT:
            content = Path(entry.path).read_bytes()
        return SourceFile("file", mode, content, None, info.st_size)
    except UnicodeEncodeError:
        raise _refuse(path.encode(errors="replace").decode(), "the name is not UTF-8") from None
    except OSError as fault:
        raise _refuse(path, f"cannot be read: {fault.strerror}") from None


def _refuse(path: str, message: str) -> ConfigError:
    return ConfigError([Problem(path, 0, 0, "", message)])
