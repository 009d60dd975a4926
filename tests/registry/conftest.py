"""Real servers for the registry client: olareg (referrers API) and distribution (fallback tags)."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import anyio
import pytest

from pipeline.model import Repository
from pipeline.registry import Registry

from . import servers

Program = Callable[..., Awaitable[str]]
_names = itertools.count()


@pytest.fixture
def anyio_backend() -> str:
    """aiohttp runs on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def olareg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host of a running olareg."""
    with servers.olareg(tmp_path_factory.mktemp("olareg")) as host:
        yield host


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host of a running distribution."""
    with servers.distribution(tmp_path_factory.mktemp("distribution")) as host:
        yield host


@pytest.fixture(params=["olareg", "distribution"])
def host(request: pytest.FixtureRequest) -> str:
    """Each of the servers in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def repo(host: str) -> Repository:
    """A repository nobody else uses."""
    return fresh(host)


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    """A client with default settings."""
    async with Registry() as client:
        yield client


@pytest.fixture(scope="session")
def crane() -> Program:
    """Runs crane and gives what it printed; the other opinion on what lies in a registry."""
    program = str(servers.tool("crane"))

    async def run(*arguments: str) -> str:
        done = await anyio.run_process([program, *arguments], check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    return run


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost and its key, its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=localhost"
    )
    command += f" -addext subjectAltName=DNS:localhost -keyout {key} -out {cert}"
    subprocess.run(command.split(), check=True, capture_output=True)
    return cert, key


def fresh(host: str) -> Repository:
    """A new repository on a host."""
    return Repository(host, f"test/r{next(_names)}")
