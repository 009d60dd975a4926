"""A session with a Dagger engine, with a limit on every wait.

The SDK reads the CLI's first line without a limit, so an engine that does not answer would block the program for ever.
Here the CLI is started, read and ended without the SDK.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import anyio
from anyio.abc import Process

from pipeline.errors import EnvironmentProblem, LockageError
from pipeline.util.child_environment import ChildEnvironment
from pipeline.util.dataclass import dataclass

from .faults import explained
from .sdk.imports import import_sdk
from .sdk.schema import provide

if TYPE_CHECKING:
    import dagger
    from dagger.client._session import SingleConnection

_LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials with which the engine itself fetches from a registry (`host:port`) in a session."""

    host: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach an engine: the CLI (None: the SDK fetches its own), its environment, limits in seconds.

    `remote` is whether somebody else starts the engine. `forwards` are addresses at which the engine's containers
    reach ports of this machine's loopback. `logins` are given to the engine beside those that the CLI finds.
    `schemas` is the folder that caches the schema of the engine's API; without one each session fetches it.
    """

    cli: Path | None
    environment: ChildEnvironment
    log: Path
    connect_limit: float = 60.0
    close_limit: float = 30.0
    remote: bool = False
    forwards: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    schemas: Path | None = None
    logins: tuple[Login, ...] = ()


@asynccontextmanager
async def connect(connection: Connection) -> AsyncIterator[dagger.Client]:
    """Open a session and close it again, whatever happens in between.

    Raises EnvironmentProblem when the engine cannot be reached within `connect_limit`.
    """
    process, patience = await _start(connection), 1.0  # without a session there is nothing to wait for
    try:
        import_sdk()  # a third of a second, in which the CLI finds the engine
        import dagger
        from dagger.client._config import ConnectConfig
        from dagger.client._session import ConnectParams, SingleConnection
        from gql.transport.exceptions import TransportError

        port, token = await _parameters(process, connection)
        # What the CLI cannot ask of the engine now, it cannot ask again: an engine's end is the session's.
        config = ConnectConfig(timeout=dagger.Timeout(None, connect=connection.connect_limit), retry=None)
        session = SingleConnection(ConnectParams(port=port, session_token=token), config)
        try:
            with anyio.fail_after(connection.connect_limit):
                await _open(session, connection)
        except (TimeoutError, dagger.ClientConnectionError, TransportError) as fault:
            raise _unreachable(connection, str(fault) or "no answer") from None
        patience, client = connection.close_limit, dagger.Client.from_connection(session)
        try:
            await log_in(client, connection.logins)
            yield client
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(connection.close_limit):
                if await _gone(client):
                    patience = 1.0
                await session.close()
    finally:
        await _stop(process, patience)


async def log_in(client: dagger.Client, logins: Iterable[Login]) -> None:
    """Give the engine these credentials for the session; they are secrets there. Raises EnvironmentProblem."""
    for login in logins:
        secret = client.set_secret(f"lockage-login-{login.host}", login.password)
        with explained(f"logging the engine in to {login.host}"):
            await client.container().with_registry_auth(login.host, login.username, secret).id()


async def _open(session: SingleConnection, connection: Connection) -> None:
    from gql.client import Client

    client = session.session.client
    if connection.schemas is None:
        await session.connect()
        return
    assert isinstance(client, Client)  # only with retries it is something else
    client.fetch_schema_from_transport = False
    await session.connect()
    await provide(client, await session.session.get_session(), connection.schemas, _identity(connection.cli))


def _identity(cli: Path | None) -> str:
    """Identifies a CLI by its file; the SDK's own by the SDK's version."""
    if cli is None:
        from importlib.metadata import version

        return version("dagger-io")
    status = cli.stat()
    return f"{cli} {status.st_size} {status.st_mtime_ns}"


async def _gone(client: dagger.Client) -> bool:
    """Whether the engine has ended: the CLI would wait for it all the same."""
    try:
        with explained("closing the session"):
            await client.version()
    except LockageError:
        return True
    return False


async def _start(connection: Connection) -> Process:
    cli = connection.cli or await _official_cli(connection)
    connection.log.parent.mkdir(parents=True, exist_ok=True)
    # In a process group of its own, so that Ctrl-C at the terminal ends this program, which closes the session.
    try:
        with connection.log.open("ab") as log:
            return await anyio.open_process(
                # Errors are logged even with --silent; logging each step takes a hundredth of a core.
                [str(cli), "session", "--silent", "--label", "dagger.io/sdk.name:lockage"],
                stdin=-1,
                stdout=-1,
                stderr=log,
                env=connection.environment,
                start_new_session=True,
            )
    except OSError as fault:
        raise EnvironmentProblem(f"cannot start the Dagger CLI {cli}: {fault}", hint="lockage up") from None


async def _official_cli(connection: Connection) -> Path:
    from dagger.provisioning import DownloadError
    from dagger.provisioning._download import Downloader

    try:
        with anyio.fail_after(300):
            return Path(await Downloader())
    except (TimeoutError, DownloadError) as fault:
        raise EnvironmentProblem(
            f"the Dagger CLI could not be fetched: {fault or 'no answer in 300 s'}",
            hint="make Dagger's downloads reachable; as root on Linux LOCKAGE_ENGINE=lab builds the CLI instead",
        ) from None


async def _parameters(process: Process, connection: Connection) -> tuple[int, str]:
    line = b""
    try:
        with anyio.fail_after(connection.connect_limit):
            assert process.stdout
            while not line.endswith(b"\n"):
                line += await process.stdout.receive(4096)
        parameters = json.loads(line)
        return int(parameters["port"]), str(parameters["session_token"])
    except TimeoutError:
        raise _unreachable(connection, f"no answer within {connection.connect_limit:.0f} s") from None
    except (anyio.EndOfStream, ValueError, KeyError) as fault:
        raise _unreachable(connection, str(fault) or "the Dagger CLI ended") from None


def _unreachable(connection: Connection, reason: str) -> EnvironmentProblem:
    host = connection.environment.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST", "the engine the Dagger CLI starts")
    return EnvironmentProblem(
        f"no session with the Dagger engine at {host}: {reason}",
        hint="make sure that it runs and can be reached from here, or name another one"
        if connection.remote
        else "lockage status; lockage down engine && lockage up",
        detail=last_lines(connection.log),
    )


def last_lines(log: Path, count: int = _LAST_LINES) -> str | None:
    """The end of a log, for an error's detail; None when it is empty or cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return None
    return "\n".join(text.splitlines()[-count:]) or None


async def _stop(process: Process, patience: float) -> None:
    """End the CLI by closing its input, and by signals if it has not ended after `patience` seconds."""
    with anyio.CancelScope(shield=True):
        if process.stdin:
            await process.stdin.aclose()
        for code in (None, signal.SIGTERM, signal.SIGKILL):
            if code is not None:
                try:
                    os.killpg(process.pid, code)
                except ProcessLookupError:
                    break
            with anyio.move_on_after(patience if code is None else 5):
                await process.wait()
                break
        for stream in (process.stdout, process.stderr):
            if stream:
                await stream.aclose()
