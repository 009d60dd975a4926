"""The embedded registry: olareg on the loopback address, its content in the instance's data folder."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem
from pipeline.lab import daemons, ports, toolbox
from pipeline.lab.daemons import Record, State
from pipeline.lab.settings import Report, Settings

STEP = "registry"
_ANSWER_LIMIT = 15.0  # seconds until it has to answer


def record_file(settings: Settings) -> Path:
    """Where the running registry is written down."""
    return settings.data / "registry.pid"


def port(settings: Settings) -> int | None:
    """The port that this instance keeps over restarts; None before its first start."""
    try:
        kept = json.loads((settings.data / "registry.json").read_text())["port"]
        return int(kept) if 0 < int(kept) < 65536 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def claim_port(settings: Settings) -> int:
    """The instance's port: the one it kept if nobody else took it, otherwise a free one, kept from now on.

    Raises `EnvironmentProblem` if a stranger listens on the kept port: references to it were written.
    """
    kept = port(settings)
    if kept is None:
        kept = ports.pick()
        daemons.replace_text(settings.data / "registry.json", json.dumps({"port": kept}) + "\n")
    elif not ports.is_free(kept):
        who = ports.owner(kept) or "another program"
        raise EnvironmentProblem(
            f"port {kept} of the registry of instance {settings.instance!r} is taken by {who}",
            hint=f"stop it, or remove {settings.data / 'registry.json'} to take another port",
        )
    return kept


def state(settings: Settings) -> tuple[State, Record | None]:
    """How the registry is, and its record."""
    return daemons.state(record_file(settings))


async def start(settings: Settings, report: Report) -> int:
    """Make the registry run and answer; gives its port. Nothing happens if it runs already.

    Raises `EnvironmentProblem` when its port is taken or it does not answer in time.
    """
    found, record = state(settings)
    kept = port(settings)
    if found is State.RUNNING and record and kept and await ports.http_answers(kept, "/v2/", 5):
        return kept
    if found is State.RUNNING and record:
        report(STEP, f"pid {record.pid} does not answer: starting it again")
        await daemons.stop(record, first=signal.SIGTERM, patience=5)
    elif found is State.CRASHED:
        report(STEP, "it was not stopped, but is gone: starting it again, its content is kept")
    binary = await toolbox.ensure("olareg", settings, report) / "olareg"
    number = claim_port(settings)
    await _launch(binary, number, settings)
    report(STEP, f"running on localhost:{number}")
    return number


async def _launch(binary: Path, number: int, settings: Settings) -> None:
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
        if await ports.http_answers(number, "/v2/"):
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


async def stop(settings: Settings, report: Report) -> None:
    """Stop the registry if it runs; its content stays."""
    found, record = state(settings)
    if found is State.RUNNING and record:
        report(STEP, f"stopping pid {record.pid}")
        await daemons.stop(record, first=signal.SIGTERM, patience=10)
    record_file(settings).unlink(missing_ok=True)
