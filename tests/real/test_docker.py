"""The README's first command where there is Docker: Debian's daemon in a network of the test's own.

Docker changes the packet filter of the network it runs in. Here that is a namespace with user-mode networking,
so the daemon has its usual rules and the machine keeps its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab.dockerd import KEYS, unpacked

from pipeline.lab import Settings

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
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    try:
        prefix = ["nsenter", "--target", str(holder.pid), "--net"]
        ours = Path("/proc/self/ns/net").readlink()
        wait_for(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != ours)
        slirp = subprocess.Popen(
            ["slirp4netns", "--configure", "--mtu=65520", str(holder.pid), "tap0"],
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


@contextmanager
def docker(folder: Path, prefix: list[str]) -> Iterator[dict[str, str]]:
    """A Docker daemon in that network; gives the environment in which `docker` and the program reach it."""
    environ = dict(os.environ)
    environ["PATH"] = Settings.from_env(environ).path
    if not (shutil.which("dockerd", path=environ["PATH"]) and shutil.which("iptables", path=environ["PATH"])):
        environ = unpacked(folder / "packages", environ)
        for name in ("iptables", "ip6tables"):  # what dpkg would have linked, had it installed the package
            (folder / "packages/root/usr/sbin" / name).symlink_to("xtables-legacy-multi")
        (environ["XTABLES_LIBDIR"],) = map(str, folder.glob("packages/root/usr/lib/*-linux-gnu/xtables"))
    keys_were_there = KEYS.exists()
    short = Path(tempfile.mkdtemp(prefix="lockage-docker-"))
    environ["DOCKER_HOST"] = f"unix://{short}/docker.sock"
    arguments = ["--host", environ["DOCKER_HOST"], "--data-root", str(folder / "data")]
    arguments += ["--exec-root", str(short / "x"), "--pidfile", str(short / "pid")]
    log = (folder / "dockerd.log").open("wb")
    child = subprocess.Popen([*prefix, "dockerd", *arguments], env=environ, stdout=log, stderr=log)
    try:

        def answers() -> bool:
            assert child.poll() is None, (folder / "dockerd.log").read_text()[-3000:]
            command = [*prefix, "docker", "version"]
            return subprocess.run(command, env=environ, capture_output=True, check=False).returncode == 0

        wait_for(answers)
        yield environ
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=120)
        log.close()
        for group in Path("/sys/fs/cgroup").glob("*/docker"):
            subprocess.run(["rmdir", str(group)], capture_output=True, check=False)
        if not keys_were_there:
            shutil.rmtree(KEYS, ignore_errors=True)
        shutil.rmtree(short, ignore_errors=True)
        shutil.rmtree(folder / "data", ignore_errors=True)


def test_the_first_command_with_docker(tmp_path: Path, clone: Path) -> None:
    with network() as prefix, docker(tmp_path, prefix) as environ:
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
