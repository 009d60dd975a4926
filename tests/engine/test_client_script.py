"""What a container of BuildKit's client runs: the Dockerfile it gets, and what it leaves."""

from __future__ import annotations

import fcntl
import socket
import subprocess
from pathlib import Path

import pytest

from pipeline.engine.buildkit.daemon import _CLIENT, ENDED
from pipeline.engine.buildkit.order import DOCKERFILE, METADATA, OUT
from pipeline.engine.buildkit.report import read_result


def run(folder: Path, client: str, dockerfile: str = "FROM scratch\n") -> tuple[int, object, str]:
    """The result of a client, a shell script, with the container's folders below this one."""
    assert start(folder, client, dockerfile) == (0, b"")
    return read_result((folder / "out/result").read_text(encoding="utf-8"))


def start(folder: Path, client: str, dockerfile: str = "") -> tuple[int, bytes]:
    """The same, but its exit code and its standard error."""
    with listening(folder):
        done = subprocess.run(
            command(folder, client), input=dockerfile.encode(), capture_output=True, check=False, timeout=30
        )
    return done.returncode, done.stderr


def command(folder: Path, client: str) -> list[str]:
    """The command line of a client in a container whose folders are below this one."""
    script = _CLIENT.replace(OUT, f"{folder}{OUT}").replace(DOCKERFILE, f"{folder}{DOCKERFILE}")
    return ["/bin/sh", "-ec", script, "sh", f"{folder}/socket", "/bin/sh", "-c", client]


def listening(folder: Path) -> socket.socket:
    """The socket of a daemon that answers."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{folder}/socket")
    return server


@pytest.mark.parametrize(
    "dockerfile", ["", "FROM a", "FROM a\r\nRUN <<E\n$x `y` \\\\ 'é'\nE\n", "#" * 200_000]
)
def test_the_dockerfile_is_what_was_ordered(tmp_path: Path, dockerfile: str) -> None:
    run(tmp_path, "true", dockerfile)
    written = tmp_path / DOCKERFILE.lstrip("/") / "Dockerfile"
    assert written.read_bytes() == dockerfile.encode()


def test_what_a_client_leaves(tmp_path: Path) -> None:
    metadata = f"{tmp_path}{METADATA}"
    client = f"""echo '{{"a": "b"}}' > {metadata}; echo one >&2; exit 3"""
    assert run(tmp_path, client) == (3, {"a": "b"}, "one\n")


def test_a_client_that_says_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "exit 0") == (0, {}, "")


def test_the_client_itself_has_no_input(tmp_path: Path) -> None:
    assert run(tmp_path, "cat >&2") == (0, {}, "")


def test_what_cannot_be_written_is_not_reported_either(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("no folder")
    code, errors = start(tmp_path, "exit 0")
    assert code and not errors


def test_a_daemon_that_has_ended_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "log").write_text("iptables: not found\n")
    done = subprocess.run(
        command(tmp_path, "exit 0"), input=b"", capture_output=True, check=False, timeout=30
    )
    assert done.returncode == 0
    assert read_result((tmp_path / "out/result").read_text()) == (ENDED, {}, "iptables: not found\n")


@pytest.mark.parametrize("log", [True, False])
def test_a_daemon_that_is_starting_is_waited_for(tmp_path: Path, log: bool) -> None:
    """As long as it holds its lock, and before it may have taken it."""
    with (tmp_path / "lock").open("w") as lock:
        if log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (tmp_path / "log").touch()
        with subprocess.Popen(command(tmp_path, "echo built >&2"), stdin=subprocess.DEVNULL) as client:
            with pytest.raises(subprocess.TimeoutExpired):
                client.wait(2.5)  # it has looked twice
            with listening(tmp_path):
                client.wait(30)
    assert read_result((tmp_path / "out/result").read_text()) == (0, {}, "built\n")
