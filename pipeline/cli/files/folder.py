"""Reading a folder that is no catalogue yet: names, kinds and modes of all files, the text of some."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from pipeline.catalogue import Source, SourceFile
from pipeline.catalogue.limits import MAX_DEPTH, MAX_FILES, MAX_TEXT
from pipeline.errors import ConfigError, Problem, UsageError
from pipeline.util.rooted import RootedFolder

_UMASK_BITS = 0o022  # permissions that depend on the umask of a checkout


def read_folder(root: Path, wanted: Callable[[str], bool]) -> Source:
    """Everything below a folder but `.git`; `wanted` decides by a file's name whether its text is read.

    Links are recorded and never followed. Raises UsageError if it is not a folder, ConfigError for names that
    are not UTF-8 and for more files than are allowed.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder", hint="name the folder that holds the Dockerfiles")
    files: dict[str, SourceFile] = {}
    pending = [""]
    while pending:
        path = pending.pop()
        try:
            with RootedFolder.at(root) as top, top.below(path) as folder:
                for name, info in folder.entries().items():
                    if name != ".git":
                        inner = f"{path}/{name}" if path else name
                        files[inner] = _entry(inner, folder, name, info, wanted)
                        if files[inner].kind == "dir":
                            pending.append(inner)
        except OSError as error:
            raise _problem(path or str(root), f"cannot be read: {error.strerror}") from None
        if len(files) > MAX_FILES or path.count("/") >= MAX_DEPTH:
            raise _problem(path or str(root), f"more than {MAX_FILES} files, or {MAX_DEPTH} folders deep")
    return Source(MappingProxyType(files), root)


def _entry(
    path: str, folder: RootedFolder, name: str, info: os.stat_result, wanted: Callable[[str], bool]
) -> SourceFile:
    try:
        path.encode()
        mode = stat.S_IMODE(info.st_mode) & ~_UMASK_BITS
        if stat.S_ISLNK(info.st_mode):
            return SourceFile("link", 0o777, target=folder.readlink(name))
        if stat.S_ISDIR(info.st_mode):
            return SourceFile("dir", mode)
        if not stat.S_ISREG(info.st_mode):
            return SourceFile("other", mode)
        content = None
        if wanted(name) and info.st_size <= MAX_TEXT:
            content = folder.read(name, MAX_TEXT)
        return SourceFile("file", mode, content, None, info.st_size)
    except UnicodeEncodeError:
        raise _problem(path.encode(errors="replace").decode(), "the name is not UTF-8") from None
    except OSError as error:
        raise _problem(path, f"cannot be read: {error.strerror}") from None


def _problem(path: str, message: str) -> ConfigError:
    return ConfigError([Problem(path, 0, 0, "", message)])
