"""The engine where there is no Docker: started, stopped and looked at through its record and its socket."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem

from .. import daemons, ports
from ..daemons import DaemonRecord, DaemonState
from ..engine import certificates, emulators
from ..engine import config as engine_config
from ..engine import image as engine_image
from ..settings import LabSettings, Report
from . import forwarding
from . import launch as namespaces
from .launch import Sandbox

STEP = "engine"
START_LIMIT = 60.0  # seconds until it has to answer
STOP_LIMIT = 30.0  # seconds for writing its cache
_LONGEST_SOCKET = 107  # bytes, unix(7)


def socket(settings: LabSettings) -> Path:
    """Where clients reach the engine."""
    return settings.data / "run" / "engine.sock"


def record_file(settings: LabSettings) -> Path:
    """Where the running engine is written down."""
    return settings.data / "engine.pid"


def log_file(settings: LabSettings) -> Path:
    """What the engine says."""
    return settings.data / "engine.log"


def state(settings: LabSettings) -> tuple[DaemonState, DaemonRecord | None]:
    """How the engine is, and its record."""
    return daemons.state(record_file(settings))


def key(port: int, settings: LabSettings) -> str:
    """What decides whether a running engine is the one that would be started now."""
    parts = [engine_image.key(), engine_config.text(*_ports(port, settings)), settings.emulate]
    if said := certificates.choice(settings):
        parts.append(said)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def sandbox_name(settings: LabSettings) -> str:
    """The engine's host name, and that of its control groups: those of another home are swept by nobody else."""
    home = hashlib.sha256(str(settings.data.absolute()).encode()).hexdigest()
    return f"lockage-{settings.instance}-{home[:8]}"


def forwards(settings: LabSettings) -> Mapping[int, str]:
    """Where containers of the running engine that know the address reach ports of this machine's loopback."""
    return forwarding.read(settings, state(settings)[1])


def _ports(port: int, settings: LabSettings) -> tuple[int, ...]:
    """The instance's own registry, and others of this machine."""
    return (port, *(other for other in settings.registries if other != port))


async def answers(settings: LabSettings, limit: float = 5) -> bool:
    """Whether the engine's socket speaks HTTP."""
    return await ports.http_answers(socket(settings), limit=limit)


async def start(port: int, settings: LabSettings, report: Report, *, keep: bool = False) -> None:
    """Make the engine run and answer. Nothing happens if it runs already as it would be started now.

    `keep` leaves an answering engine of another version alone, for the sake of whoever uses it.
    A crash is reported; a state on which it does not start is moved aside, with a warning.
    Raises `EnvironmentProblem` with the last lines of its log if it does not come up.
    """
    if len(str(socket(settings)).encode()) > _LONGEST_SOCKET:
        raise EnvironmentProblem(
            f"{socket(settings)} is too long for the name of a socket",
            hint="set LOCKAGE_HOME to a folder with a shorter name",
        )
    found, record = state(settings)
    if found is DaemonState.RUNNING and record:
        # One that emulates serves those too who did not ask for it.
        same = record.key in {key(port, s) for s in (settings, replace(settings, emulate=True))}
        if (same or keep) and await answers(settings):
            return
        why = "does not answer" if same or keep else "is of another version"
        report(STEP, f"pid {record.pid} {why}: starting it again")
        await stop(settings, report)
    elif found is DaemonState.CRASHED:
        report(
            STEP,
            "warning: the engine is gone without having been stopped; it starts with an empty layer cache "
            "(what is in the registry is untouched)",
        )
    await namespaces.prepare(settings, report)
    image = await engine_image.ensure(settings, report)
    qemu = await emulators.ensure(settings, report) if settings.emulate else None
    sandbox = _sandbox(port, image, settings, qemu)
    namespaces.sweep(sandbox)
    await _start_or_renew(sandbox, key(port, settings), settings, report)


def _sandbox(port: int, image: engine_image.EngineImage, settings: LabSettings, qemu: Path | None) -> Sandbox:
    config, ports = settings.data / "engine.json", _ports(port, settings)
    daemons.replace_text(config, engine_config.text(*ports))
    return Sandbox(
        name=sandbox_name(settings),
        root=image.root,
        mount=settings.data / "mount",
        state=settings.data / "engine",
        run=socket(settings).parent,
        config=config,
        log=log_file(settings),
        ports=ports,
        environ={**engine_config.proxies(settings.environ), **image.environ},
        qemu=qemu,
        forwards=forwarding.choose(ports),
    )


async def _start_or_renew(sandbox: Sandbox, run_key: str, settings: LabSettings, report: Report) -> None:
    try:
        await _launch(sandbox, run_key, settings, report)
    except EnvironmentProblem as problem:
        if not await anyio.to_thread.run_sync(lambda: any(sandbox.state.iterdir())):
            raise
        aside = sandbox.state.with_name("engine.damaged")
        shutil.rmtree(aside, ignore_errors=True)
        sandbox.state.rename(aside)
        try:
            await _launch(sandbox, run_key, settings, report)
        except EnvironmentProblem:
            shutil.rmtree(sandbox.state, ignore_errors=True)
            aside.rename(sandbox.state)  # it was not the state's fault
            raise problem from None
        last = (problem.detail or problem.message).splitlines()[-1]
        report(
            STEP,
            f"warning: the engine did not start on its state, which is now in {aside} and can be removed; "
            f"it runs with a fresh one. It said: {last}",
        )


async def _launch(sandbox: Sandbox, run_key: str, settings: LabSettings, report: Report) -> None:
    started = time.monotonic()
    report(STEP, "starting")
    sandbox.log.unlink(missing_ok=True)
    socket(settings).unlink(missing_ok=True)
    networks = sandbox.state / "net" / "cni"
    if networks.is_dir():  # names of network namespaces that went with the last engine
        for leftover in networks.iterdir():
            if leftover.is_file():
                leftover.unlink()
    record = await namespaces.launch(sandbox, run_key, settings)
    daemons.write(record_file(settings), record)
    forwarding.write(settings, record, sandbox.forwards)
    while daemons.alive(record):
        if await ports.http_answers(socket(settings)):
            report(STEP, f"running, pid {record.pid}, after {time.monotonic() - started:.1f} s")
            return
        if time.monotonic() - started > START_LIMIT:
            break
        await anyio.sleep(0.05)
    died = not daemons.alive(record)
    await daemons.stop(record, first=signal.SIGKILL, patience=5)
    record_file(settings).unlink(missing_ok=True)
    raise EnvironmentProblem(
        "the engine ended while it started"
        if died
        else f"the engine does not answer after {START_LIMIT:.0f} s",
        hint=f"see {sandbox.log}, then run `lockage up` again",
        detail=daemons.last_lines(sandbox.log) or None,
    )


async def stop(settings: LabSettings, report: Report) -> None:
    """Stop the engine if it runs, so that it writes its cache; and remove what a crashed one left."""
    found, record = state(settings)
    if found is DaemonState.RUNNING and record:
        report(STEP, f"stopping pid {record.pid}")
        if not await daemons.stop(record, first=signal.SIGINT, patience=STOP_LIMIT):
            report(
                STEP, f"warning: it did not stop within {STOP_LIMIT:.0f} s and was killed; its cache is lost"
            )
    image = engine_image.cached(settings)
    if image is not None and found is not DaemonState.STOPPED:
        namespaces.sweep(_sandbox(0, image, settings, None))
    socket(settings).unlink(missing_ok=True)
    record_file(settings).unlink(missing_ok=True)
