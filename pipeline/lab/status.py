"""The status of an instance: its backend, each daemon, its leases. Reading it changes nothing."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass

from .backend import Backend, LocalKind
from .daemons import DaemonState, DaemonStatus
from .instance import current_backend, engine_of, registry_of
from .leases import Lease, current_leases
from .settings import LabSettings


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """The instance: its backend (None if there is none, with `problem`), daemons, leases and folders."""

    name: str
    backend: Backend | None
    problem: str
    engine: DaemonStatus
    registry: DaemonStatus
    leases: tuple[Lease, ...]
    data: Path
    cache: Path

    def to_json(self) -> dict[str, object]:
        """The status as data."""
        return {
            "instance": self.name,
            "way": {"kind": self.backend.kind, "why": self.backend.why} if self.backend else None,
            "problem": self.problem,
            "daemons": [self.registry.to_json(), self.engine.to_json()],
            "users": [lease.to_json() for lease in self.leases],
            "data": str(self.data),
            "cache": str(self.cache),
        }


async def status(settings: LabSettings) -> InstanceStatus:
    """Inspect the instance. Never raises for what does not run; inspects Docker only if that is the backend."""
    backend, problem = None, ""
    try:
        backend = await current_backend(settings)
    except EnvironmentProblem as error:
        problem = error.message
    kind: LocalKind = "docker" if backend and backend.kind == "docker" else "lab"
    try:
        engine = await engine_of(kind, settings).status()
        registry = await registry_of(kind, settings).status()
    except EnvironmentProblem:  # Docker's daemon ended, and its containers with it
        engine = DaemonStatus("engine", DaemonState.CRASHED)
        registry = DaemonStatus("registry", DaemonState.CRASHED)
    if backend and backend.kind == "remote":
        engine = DaemonStatus("engine", DaemonState.RUNNING, address=backend.url, runs_as="elsewhere")
    return InstanceStatus(
        name=settings.instance,
        backend=backend,
        problem=problem,
        engine=engine,
        registry=registry,
        leases=current_leases(settings),
        data=settings.data,
        cache=settings.cache,
    )
