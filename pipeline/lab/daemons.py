"""Processes that outlive the command that started them, recognised by pid and start time, never by name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import anyio

from pipeline.util.files import replace_file

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class DaemonState(StrEnum):
    """How a daemon is: `crashed` means that it is gone without having been stopped."""

    RUNNING = "running"
    STOPPED = "stopped"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class DaemonRecord:
    """What is written down about a running daemon.

    `start` is the kernel's start time of that pid (clock ticks since boot `boot`), so that another process
    which got the same number is not taken for it; `key` says what runs (binary, image, configuration).
    """

    pid: int
    start: int
    boot: str
    key: str = ""


def start_time(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat, or None if there is no such process or it has ended (proc(5)).

    Where there is no /proc it is 0 for every process that there is.
    """
    if not _BOOT_ID.exists():
        return _exists(pid)
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def _exists(pid: int) -> int | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return 0
    return 0


def boot_id() -> str:
    """The kernel's name for the time since the machine started; empty where it does not tell."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


def alive(record: DaemonRecord) -> bool:
    """Whether the very process that was recorded still runs."""
    return record.boot == boot_id() and start_time(record.pid) == record.start


def describe(pid: int, key: str) -> DaemonRecord | None:
    """The record of a process that runs now, or None if it has ended already."""
    start = start_time(pid)
    return None if start is None else DaemonRecord(pid, start, boot_id(), key)


def read(path: Path) -> DaemonRecord | None:
    """The record in a file; None if there is none or it cannot be understood."""
    try:
        data = json.loads(path.read_text())
        return DaemonRecord(int(data["pid"]), int(data["start"]), str(data["boot"]), str(data.get("key", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def state(path: Path) -> tuple[DaemonState, DaemonRecord | None]:
    """How the daemon recorded in that file is, and the record if there is one."""
    record = read(path)
    if record is None:
        return (DaemonState.CRASHED if path.exists() else DaemonState.STOPPED), None
    return (DaemonState.RUNNING if alive(record) else DaemonState.CRASHED), record


def write(path: Path, record: DaemonRecord) -> None:
    """Write the record so that a reader sees all of it or nothing."""
    replace_text(path, json.dumps(asdict(record)) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Replace a small file as a whole."""
    replace_file(path, text, mode=0o600)


def spawn(
    argv: Sequence[str], *, environ: Mapping[str, str], log: Path, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output appended to `log`, without a terminal or input."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            env=dict(environ),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )


async def stop(record: DaemonRecord, *, first: signal.Signals, patience: float) -> bool:
    """Send `first`, wait up to `patience` seconds, then kill. True if the kill was not needed."""
    if not alive(record):
        return True
    os.kill(record.pid, first)
    if await gone(record, patience):
        return True
    if alive(record):
        os.kill(record.pid, signal.SIGKILL)
        await gone(record, 10)
    return False


async def gone(record: DaemonRecord, patience: float) -> bool:
    """Wait until the process has ended, at most `patience` seconds; whether it has."""
    with anyio.move_on_after(patience):
        while alive(record):  # noqa: ASYNC110  (another session's process: nothing tells us)
            await anyio.sleep(0.05)
    return not alive(record)


def last_lines(log: Path, lines: int = 15) -> str:
    """The end of a log file, for the `detail` of an error."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 16384))
            return "\n".join(file.read().decode(errors="replace").rstrip().splitlines()[-lines:])
    except OSError:
        return ""
