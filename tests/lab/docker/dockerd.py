"""Docker daemons of the tests' own: Debian's, unpacked if it is not installed, and gone afterwards.

A daemon is process 1 of a pid namespace, with mounts of its own, and dies with the test that started it, however that
one ends: its containers die with it, and their networks with them. What a killed test leaves is a folder, and a bridge
that the next one removes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.lab import LabSettings

MORTAL = ("setpriv", "--pdeathsig", "KILL")  # what follows ends with the thread that started it
_CELL = (*MORTAL, "unshare", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child")
_BRIDGE = "lockage-"  # and the process id of the tests; 15 characters at most
_KEYS = Path("/etc/docker")  # a daemon of that age writes one there, wherever its data are
_PATIENCE = 120


@contextmanager
def any_daemon(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which a docker command reaches a daemon: the machine's if there is one. Ours changes no
    packet filter and forwards nothing."""
    environ = {**os.environ, "PATH": LabSettings.from_env(os.environ).path}
    if answers(environ):
        yield environ
        return
    environ = programs(folder, "dockerd", "ip")
    with bridge(environ) as name:
        flags = (f"--bridge={name}", "--iptables=false", "--ip-forward=false", "--ip-masq=false")
        with daemon(folder, environ, flags=flags) as found:
            yield found


@contextmanager
def daemon(
    folder: Path, environ: dict[str, str], *, flags: Sequence[str] = (), prefix: Sequence[str] = ()
) -> Iterator[dict[str, str]]:
    """A daemon of our own, in the network that a prefix enters; gives the environment for docker commands."""
    keys_were_there = _KEYS.exists()
    runtime = Path(tempfile.mkdtemp(prefix="lockage-docker-"))  # short: it holds sockets
    environ = {**environ, "DOCKER_HOST": f"unix://{runtime}/docker.sock"}
    argv = [*prefix, *_CELL, "dockerd", "--host", environ["DOCKER_HOST"], "--data-root", str(folder / "data")]
    argv += ["--exec-root", str(runtime / "x"), "--pidfile", str(runtime / "pid"), *flags]
    log_path = folder / "dockerd.log"
    with log_path.open("wb") as log:
        child = subprocess.Popen(argv, env=environ, stdout=log, stderr=log, start_new_session=True)
        try:
            deadline = time.monotonic() + _PATIENCE
            while not answers(environ, prefix):
                assert child.poll() is None and time.monotonic() < deadline, log_path.read_text()[-3000:]
                time.sleep(0.2)
            yield environ
        finally:
            _end(child)
            for group in Path("/sys/fs/cgroup").glob("*/docker"):
                subprocess.run(["rmdir", str(group)], capture_output=True, check=False)
            if not keys_were_there:
                shutil.rmtree(_KEYS, ignore_errors=True)
            shutil.rmtree(runtime, ignore_errors=True)
            shutil.rmtree(folder / "data", ignore_errors=True)


def answers(environ: dict[str, str], prefix: Sequence[str] = ()) -> bool:
    """Whether a daemon answers the docker command in this environment."""
    argv = [*prefix, "docker", "version"]
    try:
        return subprocess.run(argv, env=environ, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _end(child: subprocess.Popen[bytes]) -> None:
    """As an administrator would; unshare itself lets no signal through."""
    for pid in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split():
        os.kill(int(pid), signal.SIGTERM)
    try:
        child.wait(timeout=_PATIENCE)
    finally:
        child.kill()


@contextmanager
def bridge(environ: dict[str, str]) -> Iterator[str]:
    """A network bridge of this process's own, with addresses that no other running test has."""

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], env=environ, check=True)

    for left in Path("/sys/class/net").glob(f"{_BRIDGE}*"):
        if not Path("/proc", left.name.removeprefix(_BRIDGE)).exists():
            ip("link", "del", left.name)
    name = f"{_BRIDGE}{os.getpid()}"
    ip("link", "add", name, "type", "bridge")
    try:
        ip("address", "add", f"10.213.{os.getpid() % 256}.1/24", "dev", name)
        yield name
    finally:
        ip("link", "del", name)


def programs(folder: Path, *names: str) -> dict[str, str]:
    """An environment with Docker and these programs: the machine's, or Debian's, unpacked instead of installed, once
    for this folder and those beside it."""
    environ = {**os.environ, "PATH": LabSettings.from_env(os.environ).path}
    if all(shutil.which(name, path=environ["PATH"]) for name in names):
        return environ
    root = folder.parent / "docker-packages"
    if not root.exists():
        _unpack(folder / "packages", environ).rename(root)
    for modules in root.glob("usr/lib/*-linux-gnu/xtables"):
        environ["XTABLES_LIBDIR"] = str(modules)
    libraries = ":".join(str(path) for path in (root / "usr/lib").glob("*-linux-gnu"))
    path = ":".join(str(root / name) for name in ("usr/sbin", "usr/bin", "sbin", "bin"))
    return {**environ, "PATH": f"{path}:{environ['PATH']}", "LD_LIBRARY_PATH": libraries}


def _unpack(folder: Path, environ: dict[str, str]) -> Path:
    """Debian's Docker with what it needs, fetched and unpacked below a new folder; its root."""
    archives, root = folder / "archives", folder / "root"
    (archives / "partial").mkdir(parents=True)
    apt = ["apt-get", "-q", "-o", f"Dir::Cache::archives={archives}", "-o", "APT::Sandbox::User=root"]
    subprocess.run([*apt, "update"], env=environ, capture_output=True, check=True)
    install = [*apt, "install", "-y", "--download-only", "--no-install-recommends"]
    subprocess.run([*install, "docker.io", "iproute2"], env=environ, capture_output=True, check=True)
    for package in archives.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(package), str(root)], check=True)
    for tables in root.glob("usr/sbin/xtables-legacy-multi"):
        for name in ("iptables", "ip6tables"):  # what dpkg would have linked, had it installed the package
            tables.with_name(name).symlink_to(tables.name)
    return root
