"""The lab's own cache (tools are compiled once per machine), data in a temporary folder, a real olareg."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.lab.settings import LabSettings
from tests.registry import servers

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
def program() -> Program:
    """Path of a program from the toolbox, made on first use."""
    return servers.tool


@pytest.fixture
def olareg(tmp_path: Path) -> Iterator[str]:
    """The host of a running, empty olareg; it is stopped by its own process."""
    with servers.olareg(tmp_path / "registry") as host:
        yield host


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
