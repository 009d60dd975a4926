"""Real registries on loopback, started for tests and stopped by their own process."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.tools.ports import free_port
from tests.tools.programs import program as tool

__all__ = ["distribution", "embedded", "free_port", "olareg", "running", "tool"]

_CONFIG = """\
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
{storage}http:
  addr: 127.0.0.1:{port}
"""


@contextmanager
def running(
    command: list[str], port: int, log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A server that answers on the port; gives `localhost:port`. Its environment is this process's, unless given."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        _answers(process, port, log)
        yield f"localhost:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended at once: {log.read_text()[-2000:]}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}: {log.read_text()[-2000:]}")


@contextmanager
def olareg(folder: Path, *options: str, port: int = 0) -> Iterator[str]:
    """olareg, which has the referrers API."""
    port = port or free_port()
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    command = [
        str(tool("olareg")),
        "serve",
        "--addr",
        "127.0.0.1",
        "--port",
        str(port),
        "--store-type",
        "dir",
    ]
    command += ["--dir", str(data), "--api-delete", "--api-blob-delete", *options]
    with running(command, port, folder / "log") as host:
        yield host


@contextmanager
def embedded(folder: Path, users: str) -> Iterator[str]:
    """The lab's own program around olareg, with olareg's file of users; its content is in `data`."""
    port = free_port()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "access.yml").write_text(users)
    command = [str(tool("olareg").parent / "lockage-registry"), "--addr", f"127.0.0.1:{port}"]
    command += ["--dir", str(folder / "data"), "--auth-basic", str(folder / "access.yml")]
    with running(command, port, folder / "log") as host:
        yield host


@contextmanager
def distribution(folder: Path, extra: str = "", space: str = "", storage: str = "") -> Iterator[str]:
    """distribution, which has no referrers API: clients keep the fallback tag.

    With `space` its data lies on a file system of that size, seen by nobody else; `storage` are more lines of
    that section.
    """
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yml"
    config.write_text(_CONFIG.format(data=folder / "data", port=port, storage=storage) + extra)
    command = [str(tool("registry")), "serve", str(config)]
    if space:
        (folder / "data").mkdir(exist_ok=True)
        small = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", small, "sh", space, str(folder / "data"), *command]
    with running(command, port, folder / "log") as host:
        yield host
