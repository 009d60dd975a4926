"""Loopback ports: which are free, which process listens, and whether HTTP answers."""

from __future__ import annotations

import socket
from pathlib import Path

import anyio

LOOPBACK = "127.0.0.1"
PREFERRED = range(5000, 5100)
_LISTEN = "0A"  # proc(5), /proc/net/tcp


def is_free(port: int) -> bool:
    """Whether a server could listen on that port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def pick(avoid: frozenset[int] = frozenset()) -> int:
    """The first free port from 5000 on; one chosen by the kernel if a hundred are taken."""
    for port in PREFERRED:
        if port not in avoid and is_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def owner(port: int) -> str:
    """The process that listens on that port, as "pid N (name)"; empty if the kernel does not show it."""
    sockets = _listening_sockets(port)
    if not sockets:
        return ""
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(_target(link) in sockets for link in (process / "fd").iterdir()):
                return f"pid {process.name} ({(process / 'comm').read_text().strip()})"
        except OSError:
            continue  # it ended, or belongs to another user
    return ""


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""  # closed meanwhile


def listens(pid: int, port: int) -> bool:
    """Whether that process listens on the port; True where the kernel does not show it."""
    if not Path("/proc/net/tcp").exists():
        return True
    sockets = _listening_sockets(port)
    try:
        return any(_target(link) in sockets for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _listening_sockets(port: int) -> frozenset[str]:
    """The listening sockets on a port, as links in /proc/PID/fd name them."""
    inodes = []
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.append(fields[9])
    return frozenset(f"socket:[{inode}]" for inode in inodes)


async def http_answers(target: int | Path, path: str = "/", limit: float = 2) -> bool:
    """Whether a loopback port or a Unix socket speaks HTTP; any status counts."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    with anyio.move_on_after(limit):
        try:
            if isinstance(target, Path):
                stream: anyio.abc.ByteStream = await anyio.connect_unix(str(target))
            else:
                stream = await anyio.connect_tcp(LOOPBACK, target)
            async with stream:
                await stream.send(request)
                return (await stream.receive(64)).startswith(b"HTTP/1.")
        except (OSError, anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError):
            return False
    return False
