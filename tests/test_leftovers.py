"""What killed runs leave is removed, and nothing that is in use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.leftovers import remove_leftovers


def run_of_the_tests(root: Path, number: int, pid: int) -> Path:
    """A folder as pytest leaves it, locked by a process."""
    folder = root / f"pytest-{number}"
    (folder / "popen-gw0" / "home").mkdir(parents=True)
    (folder / "popen-gw0" / "image").write_bytes(b"large")
    (folder / ".lock").write_text(str(pid))
    return folder


@pytest.fixture
def ended() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_run_that_was_killed_leaves_nothing_and_one_that_goes_on_stays(tmp_path: Path, ended: int) -> None:
    killed, going_on = run_of_the_tests(tmp_path, 1, ended), run_of_the_tests(tmp_path, 2, os.getpid())
    unlocked = tmp_path / "pytest-3"
    unlocked.mkdir()
    assert remove_leftovers(tmp_path) == [killed]
    assert (killed.exists(), going_on.exists(), unlocked.exists()) == (False, True, True)


def test_the_folder_of_a_daemon_that_outlived_its_run_stays(tmp_path: Path, ended: int) -> None:
    folder = run_of_the_tests(tmp_path, 1, ended)
    code = "import sys; print(flush=True); sys.stdin.read()"
    argv, pipe = [sys.executable, "-c", code, folder / "home"], subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe) as daemon:
        assert daemon.stdout and daemon.stdout.readline()
        assert remove_leftovers(tmp_path) == []
        daemon.communicate()
    assert remove_leftovers(tmp_path) == [folder]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
def test_what_a_killed_run_mounted_is_unmounted_first(tmp_path: Path, ended: int) -> None:
    folder = run_of_the_tests(tmp_path, 1, ended)
    home = folder / "popen-gw0" / "home"
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", home], check=True)
    assert remove_leftovers(tmp_path) == [folder]
    assert str(home) not in Path("/proc/self/mounts").read_text()
