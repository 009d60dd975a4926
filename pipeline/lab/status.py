"""How an instance is: which way, each daemon by itself, who uses it. Looking changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import EnvironmentProblem

from . import instance, ports
from .backend import Backend
from .daemons import DaemonState
from .docker import command as docker
from .docker import engine as docker_engine
from .docker import registry as docker_registry
from .leases import Lease, users
from .namespaces import engine as lab_engine
from .namespaces import registry
from .settings import LabSettings


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """One daemon: how it is, where it is reached, what runs it, where its log is.

    `answers` is None where it was not asked because it does not run.
    """

    name: str
    state: DaemonState
    address: str = ""
    runs_as: str = ""
    answers: bool | None = None
    log: str = ""

    def to_json(self) -> dict[str, object]:
        """The daemon as data."""
        return {
            "name": self.name,
            "state": str(self.state),
            "address": self.address,
            "runsAs": self.runs_as,
            "answers": self.answers,
            "log": self.log,
        }


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """The instance: its way (None with `problem` where there is none), daemons, users and folders."""

    name: str
    way: Backend | None
    problem: str
    engine: DaemonStatus
    registry: DaemonStatus
    users: tuple[Lease, ...]
    data: Path
    cache: Path

    def to_json(self) -> dict[str, object]:
        """The status as data."""
        return {
            "instance": self.name,
            "way": {"kind": self.way.kind, "why": self.way.why} if self.way else None,
            "problem": self.problem,
            "daemons": [self.registry.to_json(), self.engine.to_json()],
            "users": [
                {"pid": u.pid, "folder": u.folder, "what": u.what, "builder": u.builder or None}
                for u in self.users
            ],
            "data": str(self.data),
            "cache": str(self.cache),
        }


async def status(settings: LabSettings) -> InstanceStatus:
    """Look at the instance. Never raises for what is merely down; asks Docker only if that is the way."""
    way, problem = None, ""
    try:
        way = await instance.choose(settings)
    except EnvironmentProblem as error:
        problem = error.message
    if way and way.kind == "docker":
        engine, stored = await _docker(settings)
    else:
        engine, stored = await _lab(settings)
    if way and way.kind == "remote":
        engine = DaemonStatus("engine", DaemonState.RUNNING, address=way.url, runs_as="elsewhere")
    return InstanceStatus(
        name=settings.instance,
        way=way,
        problem=problem,
        engine=engine,
        registry=stored,
        users=users(settings),
        data=settings.data,
        cache=settings.cache,
    )


async def _lab(settings: LabSettings) -> tuple[DaemonStatus, DaemonStatus]:
    engine_state, engine = lab_engine.state(settings)
    registry_state, record = registry.state(settings)
    port = registry.port(settings)
    engine_status = DaemonStatus(
        "engine",
        engine_state,
        address=f"unix://{lab_engine.socket(settings)}",
        runs_as=f"pid {engine.pid}" if engine else "",
        answers=await lab_engine.answers(settings) if engine_state is DaemonState.RUNNING else None,
        log=str(lab_engine.log_file(settings)),
    )
    registry_status = DaemonStatus(
        "registry",
        registry_state,
        address=f"localhost:{port}" if port else "",
        runs_as=f"pid {record.pid}" if record else "",
        answers=await ports.http_answers(port, "/v2/")
        if port and registry_state is DaemonState.RUNNING
        else None,
        log=str(settings.data / "registry.log"),
    )
    return engine_status, registry_status


async def _docker(settings: LabSettings) -> tuple[DaemonStatus, DaemonStatus]:
    try:
        engine = await docker.container(settings, docker_engine.name(settings))
        stored = await docker.container(settings, docker_registry.name(settings))
    except EnvironmentProblem:  # the daemon went away, and everything with it
        return DaemonStatus("engine", DaemonState.CRASHED), DaemonStatus("registry", DaemonState.CRASHED)
    port = registry.port(settings)
    engine_state, registry_state = docker_registry.state(engine), docker_registry.state(stored)
    engine_status = DaemonStatus(
        "engine",
        engine_state,
        address=docker_engine.runner_host(settings),
        runs_as=f"container {docker_engine.name(settings)}",
        answers=await docker_engine.answers(settings) if engine_state is DaemonState.RUNNING else None,
        log=f"docker logs {docker_engine.name(settings)}",
    )
    registry_status = DaemonStatus(
        "registry",
        registry_state,
        address=f"localhost:{port}" if port else "",
        runs_as=f"container {docker_registry.name(settings)}",
        answers=await ports.http_answers(port, "/v2/")
        if port and registry_state is DaemonState.RUNNING
        else None,
        log=f"docker logs {docker_registry.name(settings)}",
    )
    return engine_status, registry_status
