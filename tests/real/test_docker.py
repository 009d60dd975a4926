"""The README's first command where there is Docker: Debian's daemon in a network of the test's own.

Docker changes the packet filter of the network it runs in. Here that is a namespace with user-mode networking,
so the daemon has its usual rules and the machine keeps its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab.dockerd import MORTAL, daemon, programs

from .site import ROOT, Site

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        os.geteuid() != 0 or sys.platform != "linux", reason="makes a network namespace: root's"
    ),
]


@contextmanager
def network() -> Iterator[list[str]]:
    """A network namespace that reaches the world by slirp4netns; gives the command prefix that enters it."""
    holder = subprocess.Popen([*MORTAL, "unshare", "--net", "sleep", "infinity"])
    try:
        prefix = ["nsenter", "--target", str(holder.pid), "--net"]
        ours = Path("/proc/self/ns/net").readlink()
        wait_for(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != ours)
        slirp = subprocess.Popen(
            [*MORTAL, "slirp4netns", "--configure", "--mtu=65520", str(holder.pid), "tap0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: b"tap0\t00000000" in routes(holder.pid))
            yield prefix
        finally:
            slirp.terminate()
            slirp.wait()
    finally:
        holder.terminate()
        holder.wait()


def routes(pid: int) -> bytes:
    """The routes of a process's network."""
    return Path(f"/proc/{pid}/net/route").read_bytes()


def wait_for(ready: object, seconds: float = 120) -> None:
    """Until something is so; a bound against hanging, not a measure of speed."""
    deadline = time.monotonic() + seconds
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_first_command_with_docker(tmp_path: Path, clone: Path) -> None:
    docker = programs(tmp_path, "dockerd", "iptables")
    with network() as prefix, daemon(tmp_path, docker, prefix=prefix) as environ:
        site = Site(tmp_path / "home")
        env = {**environ, **{k: v for k, v in site.env.items() if k.startswith("LOCKAGE_")}}
        del env["LOCKAGE_ENGINE"]  # the program finds Docker by itself

        def lockage(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = [*prefix, "./lockage", *arguments]
            return subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, check=False)

        try:
            done = lockage("run")
            assert done.returncode == 0, done.stderr
            assert all(" verified " in row for row in done.stdout.splitlines()[1:])
            status = lockage("status")
            assert "docker: Docker" in status.stdout and "container lockage-default-engine" in status.stdout
            again = lockage("run")
            assert "Nothing to do" in again.stderr and "engine not woken" in again.stderr
        finally:
            down = lockage("down", "--force")
        assert down.returncode == 0, down.stderr
        left = subprocess.run(
            [*prefix, "docker", "ps", "--quiet"], env=environ, capture_output=True, text=True, check=True
        )
        assert left.stdout == ""


def test_the_site_of_the_tests_is_the_labs(site: Site) -> None:
    """The two ways are different ones: what the other tests use is not Docker."""
    assert site.run("status", "--json", cwd=ROOT).json["way"]["kind"] == "lab"
