"""Processes that outlive the command that started them, identified by pid and start time, never by name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path

import anyio

from pipeline.util.child_environment import ChildEnvironment, command_line
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file, replace_file

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class DaemonState(StrEnum):
    """The state of a daemon; `crashed` means that it ended without having been stopped."""

    RUNNING = "running"
    STOPPED = "stopped"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """One daemon: its state, its address, the process or container that runs it, and its log.

    `answers` is None if it was not asked because it does not run.
    """

    name: str
    state: DaemonState
    address: str = ""
    runs_as: str = ""
    answers: bool | None = None
    log: str = ""

    def to_json(self) -> dict[str, object]:
        """The daemon as data."""
        return {
            "name": self.name,
            "state": str(self.state),
            "address": self.address,
            "runsAs": self.runs_as,
            "answers": self.answers,
            "log": self.log,
        }


@dataclass(frozen=True, slots=True)
class DaemonRecord:
    """The record of a running daemon.

    `start` is the kernel's start time of that pid, in clock ticks since boot `boot`: another process that got the
    same number has another one. `key` identifies what runs (binary, image, configuration).
    """

    pid: int
    start: int
    boot: str
    key: str = ""


def start_time(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat (proc(5)); None if there is no such process or it has ended.

    Without /proc it is 0 for every process that exists.
    """
    if not _BOOT_ID.exists():
        return 0 if _exists(pid) else None
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def boot_id() -> str:
    """The kernel's identifier of this boot; empty where there is none."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


def alive(record: DaemonRecord) -> bool:
    """Whether the recorded process, and not a successor of its pid, still runs."""
    return record.boot == boot_id() and start_time(record.pid) == record.start


def record_of(pid: int, key: str) -> DaemonRecord | None:
    """The record of a running process, or None if it has ended already."""
    start = start_time(pid)
    return None if start is None else DaemonRecord(pid, start, boot_id(), key)


def read(path: Path) -> DaemonRecord | None:
    """The record in a file; None if the file is missing or damaged."""
    try:
        data = json.loads(read_file(path))
        return DaemonRecord(int(data["pid"]), int(data["start"]), str(data["boot"]), str(data.get("key", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def state(path: Path) -> tuple[DaemonState, DaemonRecord | None]:
    """The state of the daemon recorded in that file, and its record if there is one."""
    record = read(path)
    if record is None:
        return (DaemonState.CRASHED if path.exists() else DaemonState.STOPPED), None
    return (DaemonState.RUNNING if alive(record) else DaemonState.CRASHED), record


def write(path: Path, record: DaemonRecord) -> None:
    """Write a record atomically."""
    replace_file(path, json.dumps(asdict(record)) + "\n", mode=0o600)


def spawn(
    argv: Sequence[str], *, environ: ChildEnvironment, log: Path, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a process in its own session, without terminal or input; its output is appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command_line(argv, environ),
            env=environ,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )


async def stop(record: DaemonRecord, stop_signal: signal.Signals, limit: float) -> bool:
    """Send `stop_signal`, wait up to `limit` seconds, then kill. True if it ended without the kill."""
    if not alive(record):
        return True
    os.kill(record.pid, stop_signal)
    if await wait_until_ended(record, limit):
        return True
    if alive(record):
        os.kill(record.pid, signal.SIGKILL)
        await wait_until_ended(record, 10)
    return False


async def wait_until_ended(record: DaemonRecord, limit: float) -> bool:
    """Wait until the process has ended, at most `limit` seconds; whether it has."""
    with anyio.move_on_after(limit):
        while alive(record):  # noqa: ASYNC110  (not our child: nothing notifies us)
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
