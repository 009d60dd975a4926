"""A session with a Dagger engine, with limits of our own on every wait.

The SDK's own start reads the CLI's first line without a limit, so an engine that does not answer would hold
the program for ever; here the CLI is started, read and ended by us. Nothing else in the program knows how.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio.abc import Process

from pipeline.errors import EnvironmentProblem, LockageError

from .faults import explained
from .schema import provide

if TYPE_CHECKING:
    import dagger
    from dagger.client._session import SingleConnection

_LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach an engine: the CLI (None: let the SDK fetch its own), its environment, limits in seconds.

    `forwards` are addresses at which containers of the engine reach ports of this machine's loopback. `schemas` is a
    folder where the schema of the engine's API is kept; without one each session fetches it.
    """

    cli: Path | None
    environment: Mapping[str, str]
    log: Path
    connect_limit: float = 60.0
    close_limit: float = 30.0
    elsewhere: bool = False  # not an engine that this program starts
    forwards: Mapping[int, str] = field(default_factory=dict, repr=False)
    schemas: Path | None = None


@asynccontextmanager
async def connect(how: Connection) -> AsyncIterator[dagger.Client]:
    """Open a session and close it again, whatever happens in between.

    Raises EnvironmentProblem when the engine cannot be reached within `connect_limit`.
    """
    process, patience = await _start(how), 1.0  # nobody waits for what never answered
    try:
        with _unchecked():
            import dagger  # half a second or more, in which the CLI finds the engine
        from dagger.client._session import ConnectConfig, ConnectParams, SingleConnection
        from gql.transport.exceptions import TransportError

        port, token = await _parameters(process, how)
        # What the CLI cannot ask of the engine now, it cannot ask again: an engine's end is the session's.
        config = ConnectConfig(timeout=dagger.Timeout(None, connect=how.connect_limit), retry=None)
        connection = SingleConnection(ConnectParams(port=port, session_token=token), config)
        try:
            with anyio.fail_after(how.connect_limit):
                await _open(connection, how)
        except (TimeoutError, dagger.ClientConnectionError, TransportError) as fault:
            raise _unreachable(how, str(fault) or "no answer") from None
        patience, client = how.close_limit, dagger.Client.from_connection(connection)
        try:
            yield client
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(how.close_limit):
                if await _gone(client):
                    patience = 1.0
                await connection.close()
    finally:
        await _stop(process, patience)


async def _open(connection: SingleConnection, how: Connection) -> None:
    session = connection.session
    if how.schemas is None:
        await connection.connect()
        return
    session.client.fetch_schema_from_transport = False
    await connection.connect()
    await provide(session.client, await session.get_session(), how.schemas, _identity(how.cli))


def _identity(cli: Path | None) -> str:
    """What tells one CLI from another; the SDK's own has the SDK's version."""
    if cli is None:
        from importlib.metadata import version

        return version("dagger-io")
    found = cli.stat()
    return f"{cli} {found.st_size} {found.st_mtime_ns}"


@contextmanager
def _unchecked() -> Iterator[None]:
    """The SDK without the checks that it compiles for the arguments of each of its functions when it is imported: half
    of the import's time, and a tenth of the program's memory."""
    import beartype

    checked = beartype.beartype
    beartype.beartype = lambda *_, **__: lambda function: function
    try:
        yield
    finally:
        beartype.beartype = checked


async def _gone(client: dagger.Client) -> bool:
    """Whether the engine is known to have ended: the CLI would wait for it all the same."""
    try:
        with explained("closing the session"):
            await client.version()
    except LockageError:
        return True
    return False


async def _start(how: Connection) -> Process:
    cli = how.cli or await _official_cli(how)
    how.log.parent.mkdir(parents=True, exist_ok=True)
    # A group of its own: Ctrl-C at the terminal reaches us, and we close the session in order.
    try:
        with how.log.open("ab") as log:
            return await anyio.open_process(
                # Silent: errors are in the log all the same; writing down each step takes a hundredth of a core.
                [str(cli), "session", "--silent", "--label", "dagger.io/sdk.name:lockage"],
                stdin=-1,
                stdout=-1,
                stderr=log,
                env={**how.environment},
                start_new_session=True,
            )
    except OSError as fault:
        raise EnvironmentProblem(f"cannot start the Dagger CLI {cli}: {fault}", hint="lockage up") from None


async def _official_cli(how: Connection) -> Path:
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


async def _parameters(process: Process, how: Connection) -> tuple[int, str]:
    line = b""
    try:
        with anyio.fail_after(how.connect_limit):
            assert process.stdout
            while not line.endswith(b"\n"):
                line += await process.stdout.receive(4096)
        said = json.loads(line)
        return int(said["port"]), str(said["session_token"])
    except TimeoutError:
        raise _unreachable(how, f"no answer within {how.connect_limit:.0f} s") from None
    except (anyio.EndOfStream, ValueError, KeyError) as fault:
        raise _unreachable(how, str(fault) or "the Dagger CLI ended") from None


def _unreachable(how: Connection, why: str) -> EnvironmentProblem:
    host = how.environment.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST", "the engine the Dagger CLI starts")
    return EnvironmentProblem(
        f"no session with the Dagger engine at {host}: {why}",
        hint="see to it that it runs and can be reached from here, or name another one"
        if how.elsewhere
        else "lockage status; lockage down engine && lockage up",
        detail=last_lines(how.log),
    )


def last_lines(log: Path, count: int = _LAST_LINES) -> str | None:
    """The end of a log for an error's detail, None when there is nothing."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return None
    return "\n".join(text.splitlines()[-count:]) or None


async def _stop(process: Process, patience: float) -> None:
    """End the CLI by closing its input; signals only when that does not help."""
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
