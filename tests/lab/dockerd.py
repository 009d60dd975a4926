"""A Docker daemon of the tests' own: Debian's, unpacked if it is not installed, and gone afterwards.

It changes no packet filter and forwards nothing (`--iptables=false`); its bridge is removed when it stops.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.lab import Settings

_BRIDGE = "docker0"
KEYS = Path("/etc/docker")  # a daemon of that age writes one there, wherever its data are
_PATIENCE = 120


def answers(environ: dict[str, str]) -> bool:
    """Whether a daemon answers the docker command in this environment."""
    try:
        return (
            subprocess.run(["docker", "version"], env=environ, capture_output=True, timeout=20).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


@contextmanager
def daemon(folder: Path) -> Iterator[dict[str, str]]:
    """The environment for a docker command that reaches a daemon: the machine's if there is one."""
    environ = dict(os.environ)
    environ["PATH"] = Settings.from_env(environ).path
    if answers(environ):
        yield environ
        return
    if shutil.which("dockerd", path=environ["PATH"]) is None:
        environ = unpacked(folder / "packages", environ)
    keys_were_there = KEYS.exists()
    bridge_was_there = Path("/sys/class/net", _BRIDGE).exists()
    runtime = Path(tempfile.mkdtemp(prefix="lockage-docker-"))  # short: it holds sockets
    socket = f"unix://{runtime}/docker.sock"
    argv = [
        "dockerd",
        "--host",
        socket,
        "--data-root",
        str(folder / "data"),
        "--exec-root",
        str(runtime / "x"),
    ]
    argv += ["--pidfile", str(runtime / "pid"), "--iptables=false", "--ip-forward=false", "--ip-masq=false"]
    if not bridge_was_there:
        argv += ["--bip", "10.213.77.1/24"]
    environ["DOCKER_HOST"] = socket
    with (folder / "dockerd.log").open("wb") as log:
        child = subprocess.Popen(argv, env=environ, stdout=log, stderr=log, start_new_session=True)
        try:
            deadline = time.monotonic() + _PATIENCE
            while not answers(environ):
                assert child.poll() is None, (folder / "dockerd.log").read_text()[-2000:]
                assert time.monotonic() < deadline, (folder / "dockerd.log").read_text()[-2000:]
                time.sleep(0.2)
            yield environ
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(timeout=_PATIENCE)
            if not bridge_was_there:
                subprocess.run(["ip", "link", "del", _BRIDGE], capture_output=True, check=False)
            for group in Path("/sys/fs/cgroup").glob("*/docker"):
                subprocess.run(["rmdir", str(group)], capture_output=True, check=False)
            if not keys_were_there:
                shutil.rmtree(KEYS, ignore_errors=True)
            shutil.rmtree(runtime, ignore_errors=True)
            shutil.rmtree(folder / "data", ignore_errors=True)


def unpacked(folder: Path, environ: dict[str, str]) -> dict[str, str]:
    """Debian's docker.io and what it needs, unpacked into a folder instead of installed."""
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True)
    apt = ["apt-get", "-q", "-o", f"Dir::Cache::archives={archives}", "-o", "APT::Sandbox::User=root"]
    subprocess.run([*apt, "update"], env=environ, capture_output=True, check=True)
    install = [*apt, "install", "-y", "--download-only", "--no-install-recommends", "docker.io"]
    subprocess.run(install, env=environ, capture_output=True, check=True)
    root = folder / "root"
    for package in archives.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(package), str(root)], check=True)
    libraries = ":".join(str(path) for path in (root / "usr/lib").glob("*-linux-gnu"))
    path = f"{root}/usr/sbin:{root}/usr/bin:{environ['PATH']}"
    return {**environ, "PATH": path, "LD_LIBRARY_PATH": libraries}
