"""One instance: a registry and an engine, started and stopped together or each by itself, on any backend.

A backend is imported when it is used: most runs find a registry that runs, and need no engine.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass
from pipeline.util.file_lock import locked
from pipeline.util.files import read_file, replace_file
from pipeline.util.private_folder import private_folder

from .backend import Backend, HostProbe, LocalKind, choose_backend
from .daemons import DaemonState
from .leases import leases_of_others
from .registry_credentials import ensure_credentials, write_docker_config
from .settings import LabSettings, StepCallback, quiet, report_waiting

if TYPE_CHECKING:
    from .docker.engine import DockerEngine
    from .docker.registry import DockerRegistry
    from .namespaces.engine import LabEngine
    from .namespaces.registry import LabRegistry

Part = Literal["engine", "registry"]


@dataclass(frozen=True, slots=True)
class Instance:
    """A running instance: the registry's address, and how a client reaches the engine.

    `registry` is a host with port for references. `runner_host` is empty if no engine was requested, `dagger_bin` None
    if the client library fetches its own. `forwards` are addresses at which containers of the engine reach ports of
    this machine's loopback.
    """

    registry: str
    runner_host: str
    dagger_bin: Path | None
    backend: Backend
    forwards: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def connect_env(self) -> dict[str, str]:
        """The variables that make Dagger's clients use this engine, without telemetry and advertisements."""
        variables = {"DO_NOT_TRACK": "1", "DAGGER_NO_NAG": "1"}
        if self.runner_host:
            variables["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] = self.runner_host
        if self.dagger_bin:
            variables["_EXPERIMENTAL_DAGGER_CLI_BIN"] = str(self.dagger_bin)
        return variables


def engine_of(kind: LocalKind, settings: LabSettings) -> DockerEngine | LabEngine:
    """The instance's engine on that backend."""
    if kind == "docker":
        from .docker.engine import DockerEngine

        return DockerEngine(settings)
    from .namespaces.engine import LabEngine

    return LabEngine(settings)


def registry_of(kind: LocalKind, settings: LabSettings) -> DockerRegistry | LabRegistry:
    """The instance's registry on that backend."""
    if kind == "docker":
        from .docker.registry import DockerRegistry

        return DockerRegistry(settings)
    from .namespaces.registry import LabRegistry

    return LabRegistry(settings)


async def current_backend(settings: LabSettings) -> Backend:
    """The backend whose daemons run, otherwise what `choose_backend` chooses for this machine, and raises."""
    if settings.engine is None and (running := _running_backend(settings)):
        return running
    from .docker.cli import DockerProbe, probe_docker

    docker = await probe_docker(settings) if settings.engine in (None, "docker") else DockerProbe()
    probe = HostProbe(
        docker_version=docker.version,
        docker_problem=docker.problem,
        root=os.geteuid() == 0,
        linux=sys.platform == "linux",
    )
    return choose_backend(settings, probe)


def _backend_file(settings: LabSettings) -> Path:
    return settings.data / "way.json"


def _running_backend(settings: LabSettings) -> Backend | None:
    """The backend recorded by the last `up`, so that nothing is probed again while it runs."""
    try:
        data = json.loads(read_file(_backend_file(settings)))
        kind, why = data["kind"], str(data["why"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Backend(kind, why) if kind in ("docker", "lab") else None


@asynccontextmanager
async def _exclusive(settings: LabSettings, purpose: str, report: StepCallback) -> AsyncIterator[None]:
    """Let one command at a time change an instance. Raises `EnvironmentProblem` if its folder is not ours."""
    try:
        private_folder(settings.home)
        private_folder(settings.data)
        settings.data.chmod(0o700)
    except OSError as error:
        raise EnvironmentProblem(
            f"{settings.data}: {error.strerror}", hint="set LOCKAGE_HOME to a folder of yours"
        ) from error
    async with locked(settings.data / "control.lock", purpose, report_waiting("instance", report)):
        yield


async def up(
    settings: LabSettings,
    report: StepCallback = quiet,
    *,
    registry_only: bool = False,
    part: Part | None = None,
) -> Instance:
    """Start the instance; takes milliseconds if it runs already.

    `registry_only` (or `part="registry"`) does not start the engine; the engine never starts without its registry.
    Missing tools and images are built first, which `report` shows. Raises `EnvironmentProblem`.
    """
    with_engine = not registry_only and part != "registry"
    async with _exclusive(settings, "up", report):
        backend = await current_backend(settings)
        await _leave_other_backend(backend, settings, report)
        if backend.kind != "remote":
            record = json.dumps({"kind": backend.kind, "why": backend.why}) + "\n"
            replace_file(_backend_file(settings), record, mode=0o600)
        registry = registry_of(await _registry_backend(backend, settings), settings)
        keep = bool(leases_of_others(settings))
        port = await registry.start(report, keep=keep)
        write_docker_config(settings, ensure_credentials(settings))
        address = f"localhost:{port}"
        if not with_engine:
            return Instance(address, "", None, backend)
        if backend.kind == "remote":
            return Instance(address, backend.url, _dagger_cli(settings), backend)
        engine = engine_of(backend.kind, settings)
        await engine.start(port, report, keep=keep)
        dagger = _dagger_cli(settings)
        if dagger is None and backend.kind == "lab":
            from .tools import toolbox

            dagger = await toolbox.ensure("engine", settings, report) / "dagger"
        return Instance(address, engine.address, dagger, backend, await engine.forwards())


def _dagger_cli(settings: LabSettings) -> Path | None:
    """The `dagger` command that was compiled with the engine, if there is one."""
    from .tools import toolbox

    folder = toolbox.cached("engine", settings)
    return folder / "dagger" if folder else None


async def _registry_backend(backend: Backend, settings: LabSettings) -> LocalKind:
    """The registry's backend. With a remote engine it still runs here: in Docker if there is a daemon."""
    if backend.kind != "remote":
        return backend.kind
    from .docker.cli import probe_docker
    from .namespaces.registry import LabRegistry

    if LabRegistry(settings).state()[0] is DaemonState.RUNNING or (await probe_docker(settings)).problem:
        return "lab"
    return "docker"


async def _leave_other_backend(backend: Backend, settings: LabSettings, report: StepCallback) -> None:
    """Stop what runs on another backend. Raises `EnvironmentProblem` if others use it."""
    old = _running_backend(settings)
    if backend.kind == "remote" or old is None or old.kind == backend.kind:
        return
    _refuse_if_leased(settings, f"cannot change from the {old.kind} backend to {backend.kind}")
    report("instance", f"changing from the {old.kind} backend to {backend.kind}")
    await _stop(old, settings, report, None)


def _refuse_if_leased(settings: LabSettings, refusal: str) -> None:
    if leases := leases_of_others(settings):
        raise EnvironmentProblem(
            f"{refusal}: the instance is in use by {', '.join(map(str, leases))}",
            hint="wait until they have ended, or use --force",
        )


async def down(
    settings: LabSettings, report: StepCallback = quiet, *, part: Part | None = None, force: bool = False
) -> None:
    """Stop the instance, or one part of it; no effect on what does not run. All data is kept.

    Raises `EnvironmentProblem` if another process holds a lease, unless `force`.
    """
    if not settings.data.is_dir():
        return
    async with _exclusive(settings, "down", report):
        if not force:
            _refuse_if_leased(settings, f"instance {settings.instance!r} is not stopped")
        await _stop(_running_backend(settings), settings, report, part)
        if part is None:
            _backend_file(settings).unlink(missing_ok=True)


async def _stop(
    backend: Backend | None, settings: LabSettings, report: StepCallback, part: Part | None
) -> None:
    kind: LocalKind = "docker" if backend and backend.kind == "docker" else "lab"
    # In Docker the engine lives in the network of the registry's container, and ends with it.
    if part != "registry" or kind == "docker":
        await engine_of(kind, settings).stop(report)
    if part != "engine":
        await registry_of(kind, settings).stop(report)
