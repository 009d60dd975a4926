"""The backend that runs the engine and the registry on this machine: a pure choice from settings and a probe."""

from __future__ import annotations

from typing import Literal

from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass

from .settings import LabSettings

LocalKind = Literal["docker", "lab"]
BackendKind = Literal["docker", "lab", "remote"]

_ENGINE_SCHEMES = ("unix", "tcp", "docker-container", "podman-container", "kube-pod", "ssh", "docker-image")


@dataclass(frozen=True, slots=True)
class HostProbe:
    """What the machine offers: Docker's version, or why there is no Docker; whether this is root, and Linux."""

    docker_version: str = ""
    docker_problem: str = ""
    root: bool = False
    linux: bool = True


@dataclass(frozen=True, slots=True)
class Backend:
    """The chosen backend and why it was chosen. `url` is the engine's address if `kind` is "remote"."""

    kind: BackendKind
    why: str
    url: str = ""


def choose_backend(settings: LabSettings, probe: HostProbe) -> Backend:
    """The backend that LOCKAGE_ENGINE names; otherwise Docker if its daemon answers, the lab for root on Linux.

    Raises `EnvironmentProblem` if the named backend, or any backend at all, is unavailable.
    """
    requested = settings.engine
    if requested and requested not in ("docker", "lab"):
        scheme = requested.partition("://")[0]
        if "://" not in requested or scheme not in _ENGINE_SCHEMES:
            raise EnvironmentProblem(
                f"LOCKAGE_ENGINE={requested} is neither a backend nor the address of an engine",
                hint="use docker, lab, or an address like tcp://host:1234 or unix:///path/engine.sock",
            )
        return Backend("remote", "LOCKAGE_ENGINE names an engine", requested)
    if requested == "docker":
        if probe.docker_problem:
            raise EnvironmentProblem(
                f"LOCKAGE_ENGINE=docker, but {probe.docker_problem}",
                hint="start Docker (`docker info` has to answer), or unset LOCKAGE_ENGINE",
            )
        return Backend("docker", f"LOCKAGE_ENGINE=docker; Docker {probe.docker_version} answers")
    if requested == "lab":
        if not (probe.root and probe.linux):
            raise EnvironmentProblem(
                "LOCKAGE_ENGINE=lab needs root on Linux, to create namespaces",
                hint="run as root, or use Docker: LOCKAGE_ENGINE=docker",
            )
        return Backend("lab", "LOCKAGE_ENGINE=lab")
    if not probe.docker_problem:
        return Backend("docker", f"Docker {probe.docker_version} answers")
    if probe.root and probe.linux:
        return Backend("lab", f"no Docker ({probe.docker_problem}), and root on Linux")
    raise EnvironmentProblem(
        f"nothing here can run an engine: no Docker ({probe.docker_problem}), "
        + ("and not root" if probe.linux else "and not Linux"),
        hint="start Docker, run as root on Linux, or set LOCKAGE_ENGINE to the address of an engine",
    )
