"""What code may do while it reads an input: no file written outside one folder, no connection, no process.

An audit hook sees every such event of this process (PEP 578). It is added once, and acts only while an input is read.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATHS = {  # the arguments that are paths, and those that are descriptors of their folders
    "os.chmod": ((0,), (2,)),
    "os.chown": ((0,), (3,)),
    "os.link": ((0, 1), (2, 3)),
    "os.mkdir": ((0,), (2,)),
    "os.remove": ((0,), (1,)),
    "os.rename": ((0, 1), (2, 3)),
    "os.rmdir": ((0,), (1,)),
    "os.symlink": ((1,), (2,)),
    "os.truncate": ((0,), ()),
    "os.utime": ((0,), (3,)),
}
_STARTS = frozenset(
    (
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.spawn",
        "os.fork",
        "os.forkpty",
        "pty.spawn",
    )
)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass
class Watch:
    """What is allowed: writes below `folder`, connections to these loopback `ports`; and what happened beside that.

    With `may_try`, a connection elsewhere is refused as by a firewall, and not held against the code: a registry may
    redirect anywhere.
    """

    folder: str
    ports: frozenset[int] = frozenset()
    may_try: bool = False
    seen: list[str] = field(default_factory=list)

    def refuse(self, what: str) -> None:
        """Note what happened, and stop it."""
        self.seen.append(what)
        raise PermissionError(1, f"the fuzzer does not allow this: {what}")


_active: list[Watch] = []
_added: list[bool] = []


@contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Watch this process."""
    if not _added:
        sys.addaudithook(_hook)
        _added.append(True)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    _active.append(watch)
    try:
        yield watch
    finally:
        _active.pop()
        sys.dont_write_bytecode = before


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active:
        return
    watch = _active[-1]
    if event == "open":
        path, mode, flags = arguments
        writes = flags & _WRITES if isinstance(flags, int) else any(c in (mode or "") for c in "wax+")
        if writes and not isinstance(path, int):
            _check_path(watch, event, path, None)
    elif event in _PATHS:
        paths, folders = _PATHS[event]
        for number, at in enumerate(paths):
            folder = arguments[folders[number]] if number < len(folders) else None
            _check_path(watch, event, arguments[at], folder)
    elif event in _STARTS:
        watch.refuse(f"{event} {arguments!r:.200}")
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        _check_address(watch, event, arguments[1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0].decode(errors="replace") if isinstance(arguments[0], bytes) else arguments[0]
        if not (watch.ports and host in _LOOPBACK):
            _refuse_connection(watch, f"{event} {host!r:.200}")


def _check_path(watch: Watch, event: str, path: Any, folder: int | None) -> None:
    if isinstance(path, int):
        return
    name = Path(os.fsdecode(path))
    if not name.is_absolute():
        if isinstance(folder, int) and folder >= 0:
            name = Path(f"/proc/self/fd/{folder}").readlink() / name
        elif event == "open" and len(name.parts) == 1:
            return  # the event does not tell below which folder os.open opens a name
        else:
            name = Path.cwd() / name
    # the last part is followed by what opens it, and not by what changes it
    place = Path(os.path.realpath(name)) if event == "open" else Path(os.path.realpath(name.parent))
    if not place.is_relative_to(watch.folder) and str(name) != os.devnull:
        watch.refuse(f"{event} {str(name)!r:.200}")


def _check_address(watch: Watch, event: str, address: Any) -> None:
    if isinstance(address, tuple) and address[0] in _LOOPBACK and address[1] in watch.ports:
        return
    _refuse_connection(watch, f"{event} {address!r:.200}")


def _refuse_connection(watch: Watch, what: str) -> None:
    if watch.may_try:
        raise OSError(113, f"no route to {what}")
    watch.refuse(what)


def empty(folder: Path) -> None:
    """Remove what an input left in a folder."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            Path(entry.path).unlink()
