"""One instance: a registry and an engine, up or down together or each by itself, the same way for everyone."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pipeline.errors import EnvironmentProblem
from pipeline.util.file_lock import locked

from . import daemons
from .backend import Backend, HostProbe, choose_backend
from .daemons import DaemonState
from .docker import command as docker
from .docker import engine as docker_engine
from .docker import registry as docker_registry
from .leases import users
from .namespaces import engine as lab_engine
from .namespaces import registry
from .settings import LabSettings, Report, quiet
from .tools import toolbox

Part = Literal["engine", "registry"]


@dataclass(frozen=True, slots=True)
class Instance:
    """What is up: where the registry is, and how a client reaches the engine.

    `registry` is a host with port for references. `runner_host` is empty if the engine was not asked for,
    `dagger_bin` None where the client library fetches its own. `forwards` are addresses at which containers of the
    engine reach ports of this machine's loopback.
    """

    registry: str
    runner_host: str
    dagger_bin: Path | None
    way: Backend
    forwards: Mapping[int, str] = field(default_factory=dict, repr=False)

    def connect_env(self) -> dict[str, str]:
        """The variables that make Dagger's clients use this engine, send nothing home and nag nobody."""
        found = {"DO_NOT_TRACK": "1", "DAGGER_NO_NAG": "1"}
        if self.runner_host:
            found["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] = self.runner_host
        if self.dagger_bin:
            found["_EXPERIMENTAL_DAGGER_CLI_BIN"] = str(self.dagger_bin)
        return found


async def choose(settings: LabSettings) -> Backend:
    """The way of this instance: the one whose daemons run, else what `decide` says about the machine.

    Raises as `decide` does.
    """
    if settings.engine is None and (kept := _kept_way(settings)):
        return kept
    daemon = await docker.daemon(settings) if settings.engine in (None, "docker") else docker.DockerDaemon()
    probe = HostProbe(
        docker_version=daemon.version,
        docker_problem=daemon.problem,
        root=os.geteuid() == 0,
        linux=sys.platform == "linux",
    )
    return choose_backend(settings, probe)


def _way_file(settings: LabSettings) -> Path:
    return settings.data / "way.json"


def _kept_way(settings: LabSettings) -> Backend | None:
    """The way that is in force, so that nothing is asked again while it runs."""
    try:
        data = json.loads(_way_file(settings).read_text())
        way = Backend(data["kind"], str(data["why"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return way if way.kind in ("docker", "lab") else None


@asynccontextmanager
async def _alone(settings: LabSettings, what: str, report: Report) -> AsyncIterator[None]:
    """One command at a time changes an instance. Raises `EnvironmentProblem` if its folder is not ours."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        settings.data.chmod(0o700)
    except OSError as error:
        raise EnvironmentProblem(
            f"{settings.data}: {error.strerror}", hint="set LOCKAGE_HOME to a folder of yours"
        ) from error
    lock = settings.data / "control.lock"
    async with locked(lock, what, lambda who: report("instance", f"waiting for {who}")):
        yield


async def up(
    settings: LabSettings, report: Report = quiet, *, registry_only: bool = False, part: Part | None = None
) -> Instance:
    """Make the instance run, and give what clients need. Takes milliseconds if it runs already.

    `registry_only` (or `part="registry"`) leaves the engine asleep; the engine never comes without its
    registry. What has to be made first is made, which `report` hears. Raises `EnvironmentProblem`.
    """
    wants_engine = not registry_only and part != "registry"
    async with _alone(settings, "up", report):
        way = await choose(settings)
        await _leave_other_way(way, settings, report)
        if way.kind != "remote":
            text = json.dumps({"kind": way.kind, "why": way.why}) + "\n"
            daemons.replace_text(_way_file(settings), text)
        local = await _registry_way(way, settings)
        keep = bool(users(settings, others=True))
        if local == "docker":
            port = await docker_registry.start(settings, report, keep=keep)
        else:
            port = await registry.start(settings, report)
        runner = ""
        if wants_engine:
            runner = await _engine(way, port, settings, report, keep=keep)
        binary = await _client(way, settings, report) if wants_engine else None
        forwards = lab_engine.forwards(settings) if wants_engine and way.kind == "lab" else {}
    return Instance(f"localhost:{port}", runner, binary, way, forwards)


async def _engine(way: Backend, port: int, settings: LabSettings, report: Report, *, keep: bool) -> str:
    if way.kind == "remote":
        return way.url
    if way.kind == "docker":
        await docker_engine.start(port, settings, report, keep=keep)
        return docker_engine.runner_host(settings)
    await lab_engine.start(port, settings, report, keep=keep)
    return f"unix://{lab_engine.socket(settings)}"


async def _client(way: Backend, settings: LabSettings, report: Report) -> Path | None:
    """The `dagger` command: our own where it is made anyway, else whatever the client library fetches."""
    folder = toolbox.cached("engine", settings)
    if folder is None and way.kind == "lab":
        folder = await toolbox.ensure("engine", settings, report)
    return folder / "dagger" if folder else None


async def _registry_way(way: Backend, settings: LabSettings) -> Literal["docker", "lab"]:
    """Beside an engine elsewhere the registry still is here: in Docker if there is one."""
    if way.kind != "remote":
        return way.kind
    if (await registry_runs(settings)) or (await docker.daemon(settings)).problem:
        return "lab"
    return "docker"


async def registry_runs(settings: LabSettings) -> bool:
    """Whether the registry runs as a process of our own."""
    return registry.state(settings)[0] is DaemonState.RUNNING


async def _leave_other_way(way: Backend, settings: LabSettings, report: Report) -> None:
    """Stop what runs in the way that is left. Raises `EnvironmentProblem` if somebody uses it."""
    old = _kept_way(settings)
    if way.kind == "remote" or old is None or old.kind == way.kind:
        return
    refuse_if_used(settings, f"the instance runs the {old.kind} way and cannot change to {way.kind}")
    report("instance", f"changing from the {old.kind} way to {way.kind}")
    await _stop(old, settings, report, None)


def refuse_if_used(settings: LabSettings, what: str) -> None:
    """Raises `EnvironmentProblem` with who it is if another process holds the instance."""
    if others := users(settings, others=True):
        raise EnvironmentProblem(
            f"{what}: it is in use by {', '.join(map(str, others))}",
            hint="wait until they have ended, or use --force",
        )


async def down(
    settings: LabSettings, report: Report = quiet, *, part: Part | None = None, force: bool = False
) -> None:
    """Stop the instance, or one part of it; nothing happens to what does not run. All data is kept.

    Raises `EnvironmentProblem` if another process holds it, unless `force`.
    """
    if not settings.data.is_dir():
        return
    async with _alone(settings, "down", report):
        way = _kept_way(settings)
        if not force:
            refuse_if_used(settings, f"instance {settings.instance!r} is not stopped")
        await _stop(way or Backend("lab", ""), settings, report, part)
        if part is None:
            _way_file(settings).unlink(missing_ok=True)


async def _stop(way: Backend, settings: LabSettings, report: Report, part: Part | None) -> None:
    if way.kind == "docker":
        # The engine lives in the network of the registry's container, and ends with it.
        await docker_engine.stop(settings, report)
        if part != "engine":
            await docker_registry.stop(settings, report)
        return
    if part != "registry":
        await lab_engine.stop(settings, report)
    if part != "engine":
        await registry.stop(settings, report)
