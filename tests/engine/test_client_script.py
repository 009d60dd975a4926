"""What a container of BuildKit's client runs: the Dockerfile it gets, and what it leaves."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from pipeline.engine.buildkit.daemon import _CLIENT
from pipeline.engine.buildkit.order import DOCKERFILE, METADATA, OUT
from pipeline.engine.buildkit.report import read_result


def run(folder: Path, client: str, dockerfile: str = "FROM scratch\n") -> tuple[int, object, str]:
    """The result of a client, a shell script, with the container's folders below this one."""
    assert start(folder, client, dockerfile) == (0, b"")
    return read_result((folder / "out/result").read_text(encoding="utf-8"))


def start(folder: Path, client: str, dockerfile: str = "") -> tuple[int, bytes]:
    """The same, but its exit code and its standard error."""
    script = _CLIENT.replace(OUT, f"{folder}{OUT}").replace(DOCKERFILE, f"{folder}{DOCKERFILE}")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{folder}/socket")
    command = ["/bin/sh", "-ec", script, "sh", f"{folder}/socket", "/bin/sh", "-c", client]
    with listening:
        done = subprocess.run(
            command, input=dockerfile.encode(), capture_output=True, check=False, timeout=30
        )
    return done.returncode, done.stderr


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
