"""The engine of the lab backend: controlled through its record and its socket."""

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
from pipeline.util.dataclass import dataclass
from pipeline.util.files import replace_file

from .. import daemons, ports
from ..daemons import DaemonRecord, DaemonState, DaemonStatus
from ..engine import certificates, emulators
from ..engine.config import engine_json, proxy_variables
from ..engine.image import EngineImage, engine_image_key, ensure_engine_image
from ..forwarding import choose_forwards, read_forwards, write_forwards
from ..settings import LabSettings, StepCallback
from .sandbox import Sandbox, check_requirements, launch, sweep

STEP = "engine"
START_LIMIT = 60.0  # seconds until it has to answer
STOP_LIMIT = 30.0  # seconds for writing its cache
_MAX_SOCKET_PATH = 107  # bytes, unix(7)


@dataclass(frozen=True, slots=True)
class LabEngine:
    """The engine of an instance, in namespaces."""

    settings: LabSettings

    @property
    def socket(self) -> Path:
        """The engine's socket."""
        return self.settings.data / "run" / "engine.sock"

    @property
    def address(self) -> str:
        """The engine's address for its clients."""
        return f"unix://{self.socket}"

    @property
    def record_file(self) -> Path:
        """The file with the record of the running engine."""
        return self.settings.data / "engine.pid"

    @property
    def log_file(self) -> Path:
        """The file with the engine's output."""
        return self.settings.data / "engine.log"

    @property
    def sandbox_name(self) -> str:
        """The engine's host name, and that of its control groups: unique to this home and instance."""
        home = hashlib.sha256(str(self.settings.data.absolute()).encode()).hexdigest()
        return f"lockage-{self.settings.instance}-{home[:8]}"

    def state(self) -> tuple[DaemonState, DaemonRecord | None]:
        """The engine's state, and its record."""
        return daemons.state(self.record_file)

    def key(self, port: int) -> str:
        """A running engine is kept if it was started with this key."""
        parts = [engine_image_key(), engine_json(*self._reachable_ports(port)), self.settings.emulate]
        if certificates_choice := certificates.choice(self.settings):
            parts.append(certificates_choice)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    async def forwards(self) -> Mapping[int, str]:
        """The secret addresses at which containers of the running engine reach this machine's loopback ports."""
        return read_forwards(self.settings, self.state()[1])

    def _reachable_ports(self, port: int) -> tuple[int, ...]:
        """The port of the instance's own registry, and those of other registries of this machine."""
        return (port, *(other for other in self.settings.registries if other != port))

    async def answers(self) -> bool:
        """Whether the engine's socket speaks HTTP."""
        return await ports.http_answers(self.socket, limit=5)

    async def start(self, port: int, report: StepCallback, *, keep: bool = False) -> None:
        """Start the engine unless one with the same key answers already. The registry runs on `port`.

        `keep` leaves an answering engine of another version alone, because others use it.
        A crash is reported; a state on which the engine does not start is moved aside, with a warning.
        Raises `EnvironmentProblem` with the last lines of its log if it does not start.
        """
        if len(str(self.socket).encode()) > _MAX_SOCKET_PATH:
            raise EnvironmentProblem(
                f"{self.socket} is too long for the name of a socket",
                hint="set LOCKAGE_HOME to a folder with a shorter name",
            )
        state, record = self.state()
        if state is DaemonState.RUNNING and record:
            # An engine with emulators serves those who do not need them, too.
            emulating = LabEngine(replace(self.settings, emulate=True))
            keep = keep or record.key in {self.key(port), emulating.key(port)}
            if keep and await self.answers():
                return
            reason = "does not answer" if keep else "is of another version"
            report(STEP, f"pid {record.pid} {reason}: restarting it")
            await self.stop(report)
        elif state is DaemonState.CRASHED:
            report(
                STEP,
                "warning: the engine ended without having been stopped; it starts with an empty layer cache "
                "(the registry keeps its content)",
            )
        await check_requirements(self.settings, report)
        image = await ensure_engine_image(self.settings, report)
        qemu = await emulators.ensure(self.settings, report) if self.settings.emulate else None
        self._sweep()
        await self._start_or_renew(self._sandbox(port, image, qemu), self.key(port), report)

    def _sandbox(self, port: int, image: EngineImage, qemu: Path | None) -> Sandbox:
        config, reachable = self.settings.data / "engine.json", self._reachable_ports(port)
        replace_file(config, engine_json(*reachable), mode=0o600)
        return Sandbox(
            name=self.sandbox_name,
            root=image.root,
            mount=self.settings.data / "mount",
            state=self.settings.data / "engine",
            run=self.socket.parent,
            config=config,
            log=self.log_file,
            ports=reachable,
            environ={**proxy_variables(self.settings.environ), **image.environ},
            qemu=qemu,
            forwards=choose_forwards(reachable),
        )

    async def _start_or_renew(self, sandbox: Sandbox, key: str, report: StepCallback) -> None:
        """Start the engine; if its state prevents that, on an empty one."""
        try:
            await self._launch(sandbox, key, report)
        except EnvironmentProblem as problem:
            if not await anyio.to_thread.run_sync(lambda: any(sandbox.state.iterdir())):
                raise
            aside = sandbox.state.with_name("engine.damaged")
            shutil.rmtree(aside, ignore_errors=True)
            sandbox.state.rename(aside)
            try:
                await self._launch(sandbox, key, report)
            except EnvironmentProblem:
                shutil.rmtree(sandbox.state, ignore_errors=True)
                aside.rename(sandbox.state)  # the state was not the cause
                raise problem from None
            last_line = (problem.detail or problem.message).splitlines()[-1]
            report(
                STEP,
                f"warning: the engine did not start on its state and runs with an empty one. The old one is in "
                f"{aside} and can be removed. Last line of the log: {last_line}",
            )

    async def _launch(self, sandbox: Sandbox, key: str, report: StepCallback) -> None:
        started = time.monotonic()
        report(STEP, "starting")
        self.log_file.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)
        _remove_network_names(sandbox.state / "net" / "cni")
        record = await launch(sandbox, key, self.settings)
        daemons.write(self.record_file, record)
        write_forwards(self.settings, record, sandbox.forwards)
        while daemons.alive(record):
            if await ports.http_answers(self.socket):
                report(STEP, f"running, pid {record.pid}, after {time.monotonic() - started:.1f} s")
                return
            if time.monotonic() - started > START_LIMIT:
                break
            await anyio.sleep(0.05)
        ended = not daemons.alive(record)
        await daemons.stop(record, signal.SIGKILL, limit=5)
        self.record_file.unlink(missing_ok=True)
        raise EnvironmentProblem(
            "the engine ended while it started"
            if ended
            else f"the engine does not answer after {START_LIMIT:.0f} s",
            hint=f"see {self.log_file}, then run `lockage up` again",
            detail=daemons.last_lines(self.log_file) or None,
        )

    async def stop(self, report: StepCallback) -> None:
        """Stop the engine if it runs, so that it writes its cache; remove what a crashed one left."""
        state, record = self.state()
        if state is DaemonState.RUNNING and record:
            report(STEP, f"stopping pid {record.pid}")
            if not await daemons.stop(record, signal.SIGINT, limit=STOP_LIMIT):
                report(
                    STEP,
                    f"warning: it did not stop within {STOP_LIMIT:.0f} s and was killed; its cache is lost",
                )
        if state is not DaemonState.STOPPED:
            self._sweep()
        self.socket.unlink(missing_ok=True)
        self.record_file.unlink(missing_ok=True)

    def _sweep(self) -> None:
        sweep(self.sandbox_name, self.socket.parent)

    async def status(self) -> DaemonStatus:
        """The engine's status."""
        state, record = self.state()
        return DaemonStatus(
            "engine",
            state,
            address=self.address,
            runs_as=f"pid {record.pid}" if record else "",
            answers=await self.answers() if state is DaemonState.RUNNING else None,
            log=str(self.log_file),
        )


def _remove_network_names(folder: Path) -> None:
    """Remove the names of network namespaces that ended with the previous engine."""
    if folder.is_dir():
        for leftover in folder.iterdir():
            if leftover.is_file():
                leftover.unlink()
