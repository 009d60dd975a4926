"""Loopback ports: which is free, who has one, does HTTP answer there."""

from __future__ import annotations

import socket
from pathlib import Path

import anyio

LOOPBACK = "127.0.0.1"
PREFERRED = range(5000, 5100)


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
    """The first free port from 5000 on; one of the kernel's choice if a hundred are taken."""
    for port in PREFERRED:
        if port not in avoid and is_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def owner(port: int) -> str:
    """Who listens on that port, as "pid N (name)"; empty if the kernel does not tell us."""
    inodes = {f"socket:[{inode}]" for inode in _listening(port)}
    if not inodes:
        return ""
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(_target(link) in inodes for link in (process / "fd").iterdir()):
                return f"pid {process.name} ({(process / 'comm').read_text().strip()})"
        except OSError:
            continue  # it ended, or it is not ours to look at
    return ""


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""  # closed meanwhile


def listens(pid: int, port: int) -> bool:
    """Whether that very process listens on the port. Where the kernel does not tell, it is believed."""
    if not Path("/proc/net/tcp").exists():
        return True
    inodes = {f"socket:[{inode}]" for inode in _listening(port)}
    try:
        return any(_target(link) in inodes for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _listening(port: int) -> list[str]:
    found = []
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            field = line.split()
            if field[3] == "0A" and int(field[1].rpartition(":")[2], 16) == port:
                found.append(field[9])
    return found


async def http_answers(target: int | Path, path: str = "/", limit: float = 2) -> bool:
    """Whether something speaks HTTP on a loopback port or a Unix socket; any status counts."""
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
