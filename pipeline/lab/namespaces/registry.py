"""The embedded registry: olareg on the loopback address, its content in the instance's data folder."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem

from .. import daemons, ports
from ..daemons import DaemonRecord, DaemonState
from ..settings import LabSettings, Report
from ..tools import toolbox

STEP = "registry"
_ANSWER_LIMIT = 15.0  # seconds until it has to answer
_OTHER_PORTS = 20  # to try on a first start


def record_file(settings: LabSettings) -> Path:
    """Where the running registry is written down."""
    return settings.data / "registry.pid"


def port(settings: LabSettings) -> int | None:
    """The port that this instance keeps over restarts; None before its first start."""
    return _kept(settings.data)


def _kept(folder: Path) -> int | None:
    try:
        kept = json.loads((folder / "registry.json").read_text())["port"]
        return int(kept) if 0 < int(kept) < 65536 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def choose_port(settings: LabSettings, avoid: frozenset[int] = frozenset()) -> tuple[int, bool]:
    """The port to listen on, and whether it is the one that this instance kept from its first start.

    Raises `EnvironmentProblem` if a stranger listens on the kept port: references to it were written.
    """
    kept = port(settings)
    if kept is None:
        others = (path.parent for path in settings.home.glob("*/registry.json"))
        reserved = {_kept(folder) for folder in others} - {None}
        return ports.pick(avoid | reserved), False
    if not ports.is_free(kept):
        who = ports.owner(kept) or "another program"
        raise EnvironmentProblem(
            f"port {kept} of the registry of instance {settings.instance!r} is taken by {who}",
            hint=f"stop it, or remove {settings.data / 'registry.json'} to take another port",
        )
    return kept, True


def keep_port(settings: LabSettings, number: int) -> None:
    """Write down the port, for all later starts."""
    if port(settings) != number:
        daemons.replace_text(settings.data / "registry.json", json.dumps({"port": number}) + "\n")


async def on_a_port(settings: LabSettings, launch: Callable[[int], Awaitable[None]]) -> int:
    """Start a registry by `launch(port)` on the instance's port; a first one may turn out to be taken.

    Raises what `launch` raises, and as `choose_port` does.
    """
    tried: set[int] = set()
    while True:
        number, kept = choose_port(settings, frozenset(tried))
        try:
            await launch(number)
        except EnvironmentProblem:
            if kept or ports.is_free(number) or len(tried) > _OTHER_PORTS:
                raise
            tried.add(number)  # somebody else was faster
            continue
        keep_port(settings, number)
        return number


def state(settings: LabSettings) -> tuple[DaemonState, DaemonRecord | None]:
    """How the registry is, and its record."""
    return daemons.state(record_file(settings))


async def start(settings: LabSettings, report: Report) -> int:
    """Make the registry run and answer; gives its port. Nothing happens if it runs already.

    Raises `EnvironmentProblem` when its port is taken or it does not answer in time.
    """
    found, record = state(settings)
    kept = port(settings)
    ours = record is not None and kept is not None and ports.listens(record.pid, kept)
    if found is DaemonState.RUNNING and ours and kept and await ports.http_answers(kept, "/v2/", 5):
        return kept
    if found is DaemonState.RUNNING and record:
        report(STEP, f"pid {record.pid} does not answer: starting it again")
        await daemons.stop(record, first=signal.SIGTERM, patience=5)
    elif found is DaemonState.CRASHED:
        report(STEP, "it was not stopped, but is gone: starting it again, its content is kept")
    binary = await toolbox.ensure("olareg", settings, report) / "olareg"
    number = await on_a_port(settings, partial(_launch, binary, settings))
    report(STEP, f"running on localhost:{number}")
    return number


async def _launch(binary: Path, settings: LabSettings, number: int) -> None:
    content = settings.data / "registry"
    content.mkdir(parents=True, exist_ok=True)
    log = settings.data / "registry.log"
    log.unlink(missing_ok=True)
    argv = [str(binary), "serve", "--addr", ports.LOOPBACK, "--port", str(number)]
    argv += ["--store-type", "dir", "--dir", str(content), "--api-delete", "--api-blob-delete"]
    child = daemons.spawn(argv, environ={"PATH": settings.path, "HOME": str(settings.data)}, log=log)
    record = daemons.describe(child.pid, binary.parent.name)
    if record is not None:
        daemons.write(record_file(settings), record)
    deadline = time.monotonic() + _ANSWER_LIMIT
    while record is not None and daemons.alive(record):
        if ports.listens(record.pid, number) and await ports.http_answers(number, "/v2/"):
            child.returncode = 0  # it is nobody's child from now on
            return
        if time.monotonic() > deadline:
            await daemons.stop(record, first=signal.SIGTERM, patience=2)
            break
        await anyio.sleep(0.02)
    child.poll()
    record_file(settings).unlink(missing_ok=True)
    raise EnvironmentProblem(
        f"the registry did not come up on localhost:{number}",
        hint=f"see {log}",
        detail=daemons.last_lines(log) or None,
    )


async def stop(settings: LabSettings, report: Report) -> None:
    """Stop the registry if it runs; its content stays."""
    found, record = state(settings)
    if found is DaemonState.RUNNING and record:
        report(STEP, f"stopping pid {record.pid}")
        await daemons.stop(record, first=signal.SIGTERM, patience=10)
    record_file(settings).unlink(missing_ok=True)
