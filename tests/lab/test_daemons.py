"""Processes are recognised by pid and start time; ports, locks and leases by what the kernel reports."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from pipeline.lab import LabSettings, daemons, hold, ports
from pipeline.lab.daemons import DaemonRecord, DaemonState
from pipeline.lab.leases import current_leases, leases_of_others
from pipeline.util import file_lock as filelock


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "600"])
    yield child
    child.kill()
    child.wait()


def test_a_record_is_one_process(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    record = daemons.record_of(sleeper.pid, "k")
    assert record is not None
    daemons.write(tmp_path / "pid", record)
    assert daemons.state(tmp_path / "pid") == (DaemonState.RUNNING, record)
    # the same number after the machine's restart, or after it was given to another process
    assert not daemons.alive(replace(record, start=record.start + 1))
    assert not daemons.alive(replace(record, boot="another"))


def test_a_zombie_does_not_run(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    record = daemons.record_of(sleeper.pid, "")
    assert record is not None
    daemons.write(tmp_path / "pid", record)
    sleeper.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # ended, and nobody has taken its code
    assert daemons.record_of(sleeper.pid, "") is None
    assert daemons.state(tmp_path / "pid") == (DaemonState.CRASHED, record)


@pytest.mark.parametrize("text", ["", "12", "{}", '{"pid": "x"}', '{"pid": 1, "start": null, "boot": ""}'])
def test_a_damaged_record_means_crashed(text: str, tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(text)
    assert daemons.state(tmp_path / "pid") == (DaemonState.CRASHED, None)
    assert daemons.state(tmp_path / "none") == (DaemonState.STOPPED, None)


def test_stop_asks_before_it_kills() -> None:
    # A shell's background job starts with SIGINT ignored, and what it starts inherits that.
    polite = subprocess.Popen(
        ["sleep", "600"], preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    )
    deaf = subprocess.Popen(
        ["sh", "-c", "trap '' INT; echo; while :; do sleep 1; done"], stdout=subprocess.PIPE
    )
    assert deaf.stdout is not None
    deaf.stdout.readline()
    for child, asked in ((polite, True), (deaf, False)):
        record = daemons.record_of(child.pid, "")
        assert record is not None
        assert anyio.run(_stop, record) is asked
        child.wait()
    deaf.stdout.close()


async def _stop(record: DaemonRecord) -> bool:
    return await daemons.stop(record, signal.SIGINT, limit=0.5)


def test_ports() -> None:
    with socket.socket() as server:
        server.bind((ports.LOOPBACK, 0))
        server.listen()
        taken = server.getsockname()[1]
        assert not ports.is_free(taken)
        assert f"pid {os.getpid()} " in ports.owner(taken)
        assert anyio.run(ports.http_answers, taken, "/", 0.2) is False
    assert ports.is_free(taken)
    assert ports.owner(taken) == ""
    assert anyio.run(ports.http_answers, taken) is False
    assert ports.is_free(ports.pick())


def test_a_lock_is_freed_by_death(tmp_path: Path) -> None:
    code = (
        "import anyio, sys; from pathlib import Path; from pipeline.util.file_lock import locked\n"
        "async def main():\n"
        "    async with locked(Path(sys.argv[1]), 'a test'):\n"
        "        print('held', flush=True); await anyio.sleep(600)\n"
        "anyio.run(main)\n"
    )
    lock = tmp_path / "lock"
    child = subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    assert filelock.try_lock(lock) is None
    assert filelock.holder(lock) == f"pid {child.pid} (a test)"
    child.kill()
    child.wait()
    child.stdout.close()
    descriptor = filelock.try_lock(lock)
    assert descriptor is not None
    os.close(descriptor)


def test_leases_end_with_their_process(tmp_path: Path) -> None:
    settings = LabSettings(tmp_path, tmp_path)
    with hold(settings, Path("/checkout"), "run"), hold(settings, Path("/other"), "scan"):
        assert {lease.folder for lease in current_leases(settings)} == {"/checkout", "/other"}
        assert leases_of_others(settings) == ()
    assert current_leases(settings) == ()
    dead = {"pid": os.getpid(), "start": 1, "boot": daemons.boot_id(), "folder": "/x", "what": "run"}
    path = settings.data / "users" / "9-0.json"
    path.write_text(json.dumps(dead))
    assert current_leases(settings) == ()
    assert not path.exists()
