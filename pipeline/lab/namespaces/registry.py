"""The embedded registry as a process: olareg on the loopback address, its content in the instance's data folder.

The program is the lab's own (`tools/modules/olareg/lockage-registry`): olareg's would hash the password every time.
"""

from __future__ import annotations

import signal
import time
from functools import partial
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass

from .. import daemons, ports
from ..daemons import DaemonRecord, DaemonState, DaemonStatus
from ..registry_credentials import ensure_credentials, write_users
from ..registry_port import kept_port, launch_on_port, registry_address
from ..settings import LabSettings, StepCallback

STEP = "registry"
_ANSWER_LIMIT = 15.0  # seconds until it has to answer
_STOP_LIMIT = 10.0  # seconds
_UNPROTECTED = "does not ask for this instance's credentials"


@dataclass(frozen=True, slots=True)
class LabRegistry:
    """The registry of an instance, as a process."""

    settings: LabSettings

    @property
    def record_file(self) -> Path:
        """The file with the record of the running registry."""
        return self.settings.data / "registry.pid"

    @property
    def log_file(self) -> Path:
        """The file with the registry's output."""
        return self.settings.data / "registry.log"

    def state(self) -> tuple[DaemonState, DaemonRecord | None]:
        """The registry's state, and its record."""
        return daemons.state(self.record_file)

    async def start(self, report: StepCallback, *, keep: bool = False) -> int:
        """Start the registry unless it answers already; returns its port.

        A running one is kept if it requires the instance's credentials. One of an earlier version requires none: it is
        restarted, unless others use it (`keep`).
        Raises `EnvironmentProblem` if its port is taken or it does not answer in time.
        """
        state, record = self.state()
        port, credentials = kept_port(self.settings), ensure_credentials(self.settings)
        running = record if state is DaemonState.RUNNING else None
        if running:
            protected = running.key.endswith(f"+{credentials.fingerprint}")
            answers = port and ports.listens(running.pid, port) and await ports.http_answers(port, "/v2/", 5)
            if port and answers and (protected or (keep and "+" not in running.key)):
                if not protected:
                    report(STEP, f"warning: {_UNPROTECTED}; `lockage up` restarts it once nobody uses it")
                return port
            reason = _UNPROTECTED if answers else "does not answer"
            report(STEP, f"pid {running.pid} {reason}: restarting it, its content is kept")
            await daemons.stop(running, signal.SIGTERM, limit=5)
        elif state is DaemonState.CRASHED:
            report(STEP, "it ended without having been stopped: restarting it, its content is kept")
        from ..tools import toolbox

        binary = await toolbox.ensure("olareg", self.settings, report) / "lockage-registry"
        users = write_users(self.settings, credentials)
        key = f"{binary.parent.name}+{credentials.fingerprint}"
        port = await launch_on_port(self.settings, partial(self._launch, binary, users, key))
        report(STEP, f"running on localhost:{port}")
        return port

    async def _launch(self, binary: Path, users: Path, key: str, port: int) -> None:
        content = self.settings.data / "registry"
        content.mkdir(parents=True, exist_ok=True)
        self.log_file.unlink(missing_ok=True)
        argv = [
            str(binary),
            "--addr",
            f"{ports.LOOPBACK}:{port}",
            "--dir",
            str(content),
            "--auth-basic",
            str(users),
        ]
        environ = self.settings.child_environ("daemon", {"HOME": str(self.settings.data)})
        child = daemons.spawn(argv, environ=environ, log=self.log_file)
        record = daemons.record_of(child.pid, key)
        if record is not None:
            daemons.write(self.record_file, record)
            if await self._answers(record, port):
                child.returncode = 0  # from now on it is not our child, so Popen must not complain
                return
        child.poll()
        self.record_file.unlink(missing_ok=True)
        raise EnvironmentProblem(
            f"the registry did not start on localhost:{port}",
            hint=f"see {self.log_file}",
            detail=daemons.last_lines(self.log_file) or None,
        )

    async def _answers(self, record: DaemonRecord, port: int) -> bool:
        """Wait for an answer; stops a registry that does not answer in time."""
        deadline = time.monotonic() + _ANSWER_LIMIT
        while daemons.alive(record):
            if ports.listens(record.pid, port) and await ports.http_answers(port, "/v2/"):
                return True
            if time.monotonic() > deadline:
                await daemons.stop(record, signal.SIGTERM, limit=2)
                break
            await anyio.sleep(0.02)
        return False

    async def stop(self, report: StepCallback) -> None:
        """Stop the registry if it runs; its content stays."""
        state, record = self.state()
        if state is DaemonState.RUNNING and record:
            report(STEP, f"stopping pid {record.pid}")
            await daemons.stop(record, signal.SIGTERM, limit=_STOP_LIMIT)
        self.record_file.unlink(missing_ok=True)

    async def status(self) -> DaemonStatus:
        """The registry's status."""
        state, record = self.state()
        port = kept_port(self.settings)
        return DaemonStatus(
            "registry",
            state,
            address=registry_address(self.settings),
            runs_as=f"pid {record.pid}" if record else "",
            answers=await ports.http_answers(port, "/v2/") if port and state is DaemonState.RUNNING else None,
            log=str(self.log_file),
        )
