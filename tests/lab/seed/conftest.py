"""The lab's own cache (tools are compiled once per machine), data in a temporary folder, a real olareg."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from pipeline.lab.settings import LabSettings
from pipeline.lab.tools import toolbox

Program = Callable[[str], Path]


@pytest.fixture
def anyio_backend() -> str:
    """aiohttp runs on asyncio."""
    return "asyncio"


@pytest.fixture
def settings(tmp_path: Path) -> LabSettings:
    """Settings with the machine's cache and data of its own."""
    return replace(LabSettings.from_env(os.environ), home=tmp_path / "home", instance="seedtest")


@pytest.fixture(scope="session")
def program() -> Iterator[Program]:
    """Path of a program from the toolbox, made on first use."""

    def path(name: str) -> Path:
        # In a thread, because a test that asks may be in a loop of its own.
        made = pool.submit(anyio.run, toolbox.ensure, name, LabSettings.from_env(os.environ))
        return made.result() / name

    with ThreadPoolExecutor(1) as pool:
        yield path


@pytest.fixture
def olareg(tmp_path: Path, program: Program) -> Iterator[str]:
    """The host of a running, empty olareg; it is stopped by its own process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = tmp_path / "registry"
    data.mkdir()
    command = [program("olareg"), "serve", "--addr", "127.0.0.1", "--port", str(port)]
    command += ["--store-type", "dir", "--dir", data, "--api-delete"]
    with (tmp_path / "olareg.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        for _ in range(600):
            assert process.poll() is None, (tmp_path / "olareg.log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"localhost:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def offline(tmp_path: Path) -> Callable[..., str]:
    """Runs a command in an empty network namespace, with an empty environment, in a temporary folder."""
    folder = tmp_path / "offline"
    folder.mkdir()

    def run(*command: str | Path, env: dict[str, str] | None = None, code: int = 0) -> str:
        done = subprocess.run(
            ["unshare", "--net", *map(str, command)],
            env={"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **(env or {})},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
