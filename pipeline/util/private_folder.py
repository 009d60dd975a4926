"""Folders of the user alone: what the program keeps there, it believes, and some of it it runs."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from pipeline.errors import EnvironmentProblem


def private_folder(path: Path) -> None:
    """Create a folder that is missing, and those above it, for the user alone.

    Raises OSError, and EnvironmentProblem as `refuse_foreign` for one that exists.
    """
    missing = []
    folder = path
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = folder.parent
    for folder in reversed(missing):
        with suppress(FileExistsError):  # somebody was faster: the check below says who
            folder.mkdir(mode=0o700)
    for folder in (path, *missing):
        refuse_foreign(folder)


def refuse_foreign(path: Path) -> None:
    """Raise EnvironmentProblem if a folder exists and others may have put something into it.

    It has to belong to the user or to root, and to be writable by nobody else; a link to it as well. Only the write
    permission of a group is taken away: many systems give it by default.
    """
    try:
        link = path.lstat()
        info = path.stat() if stat.S_ISLNK(link.st_mode) else link
    except OSError:
        return  # missing, or out of reach: whoever uses it says so
    own = {os.geteuid(), 0}
    if not {link.st_uid, info.st_uid} <= own:
        owner = info.st_uid if info.st_uid not in own else link.st_uid
        raise _refused(path, f"belongs to the user with the id {owner}, not to {os.geteuid()}")
    mode = stat.S_IMODE(info.st_mode)
    if stat.S_ISDIR(info.st_mode) and mode & 0o002:
        raise _refused(path, "can be written by every user of this machine")
    if mode & 0o020:
        with suppress(OSError):
            path.chmod(mode & ~0o020)


def _refused(path: Path, why: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"{path} {why}: what it holds cannot be trusted",
        hint="remove it, `chmod go-w` it if all in it is yours, or set LOCKAGE_HOME or LOCKAGE_CACHE to another",
    )
