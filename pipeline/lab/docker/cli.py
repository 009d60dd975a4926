"""The `docker` command, with a time limit on every call: the daemon's state, and that of containers."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass

from .. import process
from ..daemons import DaemonState
from ..process import CompletedCommand
from ..settings import LabSettings

PROBE_LIMIT = 8.0  # seconds until a daemon has to answer
_CALL_LIMIT = 60.0

KEY_LABEL = "io.lockage.key"
"""A container's label with the key of what it was created from."""
FORWARD_LABEL = "io.lockage.forward"
"""The engine's label with the address at which its containers reach the registry, ADDRESS:PORT."""


@dataclass(frozen=True, slots=True)
class DockerProbe:
    """What `docker info` reports; `problem` is why there is no usable daemon, empty if there is one."""

    version: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """A container that exists, running or not. `started` is the daemon's time stamp of its last start."""

    id: str
    name: str
    status: str
    started: str
    exit_code: int
    key: str  # of KEY_LABEL; empty without the label
    forward: str = ""  # of FORWARD_LABEL, likewise

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self.status == "running"


def container_state(container: Container | None) -> DaemonState:
    """A container's state as a daemon's: one that exists and does not run has crashed."""
    if container is None:
        return DaemonState.STOPPED
    return DaemonState.RUNNING if container.running else DaemonState.CRASHED


async def docker(
    settings: LabSettings,
    *args: str,
    limit: float = _CALL_LIMIT,
    purpose: str | None = None,
    stdin: bytes | None = None,
    environ: Mapping[str, str] | None = None,
) -> CompletedCommand:
    """Run `docker ARGS`, with the additional variables `environ`.

    Raises as `process.run` does, and `EnvironmentProblem` without a docker command.
    """
    program = process.find("docker", settings)
    if program is None:
        raise EnvironmentProblem(
            "there is no docker command on PATH", hint="install Docker, or unset LOCKAGE_ENGINE"
        )
    variables = settings.child_environ("docker pull" if args[0] == "pull" else "docker", environ)
    return await process.run(
        [str(program), *args], environ=variables, limit=limit, purpose=purpose, stdin=stdin
    )


async def probe_docker(settings: LabSettings) -> DockerProbe:
    """Ask the daemon for its version; never raises, and never waits longer than `PROBE_LIMIT`."""
    if process.find("docker", settings) is None:
        return DockerProbe(problem="there is no docker command")
    try:
        completed = await docker(settings, "info", "--format", "{{json .}}", limit=PROBE_LIMIT)
        info = json.loads(completed.stdout or "{}")
    except EnvironmentProblem:
        return DockerProbe(problem=f"its daemon does not answer within {PROBE_LIMIT:.0f} s")
    except ValueError:
        return DockerProbe(problem="its daemon's answer is not JSON")
    errors = [str(error) for error in info.get("ServerErrors") or []]
    if completed.code != 0 or errors or not info.get("ServerVersion"):
        lines = errors or completed.stderr.strip().splitlines() or ["its daemon does not run"]
        return DockerProbe(problem=lines[0].removeprefix("ERROR: ")[:200])
    if info.get("OSType") != "linux":
        return DockerProbe(problem=f"its daemon runs {info.get('OSType')} containers")
    return DockerProbe(version=str(info["ServerVersion"]))


async def inspect_container(settings: LabSettings, name: str) -> Container | None:
    """The container of that name, or None. Raises `EnvironmentProblem` if the daemon does not answer."""
    completed = await docker(settings, "container", "inspect", "--format", "{{json .}}", name)
    if completed.code != 0:
        if "no such container" in completed.stderr.lower():
            return None
        raise EnvironmentProblem(
            f"Docker cannot inspect container {name}", detail=process.tail(completed.stderr) or None
        )
    data = json.loads(completed.stdout)
    state, labels = data["State"], data["Config"].get("Labels") or {}
    return Container(
        id=str(data["Id"]),
        name=name,
        status=str(state["Status"]),
        started=str(state["StartedAt"]),
        exit_code=int(state["ExitCode"]),
        key=str(labels.get(KEY_LABEL, "")),
        forward=str(labels.get(FORWARD_LABEL, "")),
    )


async def remove_container(settings: LabSettings, name: str) -> None:
    """Remove a container, running or not; its named volumes stay."""
    await docker(settings, "rm", "--force", name)


async def stop_container(settings: LabSettings, container: Container, limit: int) -> None:
    """Stop a container within `limit` seconds if it runs, then remove it; its named volumes stay."""
    if container.running:
        await docker(settings, "stop", "--time", str(limit), container.name, limit=limit + 30)
    await remove_container(settings, container.name)


async def container_logs(settings: LabSettings, name: str, lines: int = 15) -> str:
    """The last lines of a container's output."""
    completed = await docker(settings, "logs", "--tail", str(lines), name)
    return process.tail(f"{completed.stdout}\n{completed.stderr}".strip(), lines)


def with_cause(message: str, log_line: str) -> str:
    """The message with the log line that names the cause: reports of one line show it too."""
    return f"{message}: {log_line.strip()}" if log_line.strip() else message
