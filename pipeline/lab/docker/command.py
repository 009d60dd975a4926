"""The `docker` command, with a limit on every call: is there a daemon, what is a container like."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import EnvironmentProblem

from .. import process
from ..process import CompletedCommand
from ..settings import LabSettings

PROBE_LIMIT = 8.0  # seconds until a daemon has to answer
_CALL_LIMIT = 60.0


@dataclass(frozen=True, slots=True)
class DockerDaemon:
    """What `docker info` says; `problem` is why there is no usable daemon, empty if there is one."""

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
    labels: dict[str, str]

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self.status == "running"


async def call(
    settings: LabSettings,
    *args: str,
    limit: float = _CALL_LIMIT,
    what: str | None = None,
    stdin: bytes | None = None,
    environ: Mapping[str, str] | None = None,
) -> CompletedCommand:
    """Run `docker ARGS`, with further variables `environ`.

    Raises as `process.run` does, and `EnvironmentProblem` when there is no such command.
    """
    program = process.find("docker", settings)
    if program is None:
        raise EnvironmentProblem(
            "there is no docker command on PATH", hint="install Docker, or unset LOCKAGE_ENGINE"
        )
    variables = {**settings.environ, "PATH": settings.path, **(environ or {})}
    return await process.run([str(program), *args], environ=variables, limit=limit, what=what, stdin=stdin)


async def daemon(settings: LabSettings) -> DockerDaemon:
    """Ask the daemon who it is; never raises, never waits longer than `PROBE_LIMIT`."""
    if process.find("docker", settings) is None:
        return DockerDaemon(problem="there is no docker command")
    try:
        done = await call(settings, "info", "--format", "{{json .}}", limit=PROBE_LIMIT)
        info = json.loads(done.out or "{}")
    except EnvironmentProblem:
        return DockerDaemon(problem=f"its daemon does not answer within {PROBE_LIMIT:.0f} s")
    except ValueError:
        return DockerDaemon(problem="its daemon's answer is not understood")
    errors = [str(error) for error in info.get("ServerErrors") or []]
    if done.code != 0 or errors or not info.get("ServerVersion"):
        said = (errors or done.err.strip().splitlines() or ["its daemon does not run"])[0]
        return DockerDaemon(problem=said.removeprefix("ERROR: ")[:200])
    if info.get("OSType") != "linux":
        return DockerDaemon(problem=f"its daemon runs {info.get('OSType')} containers")
    return DockerDaemon(version=str(info["ServerVersion"]))


async def container(settings: LabSettings, name: str) -> Container | None:
    """The container of that name, or None. Raises `EnvironmentProblem` if the daemon does not answer."""
    done = await call(settings, "container", "inspect", "--format", "{{json .}}", name)
    if done.code != 0:
        if "no such container" in done.err.lower():
            return None
        raise EnvironmentProblem(
            f"Docker does not say how container {name} is", detail=process.tail(done.err) or None
        )
    data: dict[str, Any] = json.loads(done.out)
    state = data["State"]
    return Container(
        id=data["Id"],
        name=name,
        status=state["Status"],
        started=state["StartedAt"],
        exit_code=int(state["ExitCode"]),
        labels=data["Config"].get("Labels") or {},
    )


async def remove(settings: LabSettings, name: str) -> None:
    """Remove a container, running or not; its named volumes stay."""
    await call(settings, "rm", "--force", name)


async def logs(settings: LabSettings, name: str, lines: int = 15) -> str:
    """The last lines of what a container said."""
    done = await call(settings, "logs", "--tail", str(lines), name)
    return process.tail(f"{done.out}\n{done.err}".strip(), lines)
