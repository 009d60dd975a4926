"""Which way the engine and the registry take on this machine: one pure function over what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.errors import EnvironmentProblem

from .settings import LabSettings

Kind = Literal["docker", "lab", "remote"]

_SCHEMES = ("unix", "tcp", "docker-container", "podman-container", "kube-pod", "ssh", "docker-image")


@dataclass(frozen=True, slots=True)
class HostProbe:
    """What a look at the machine gave: Docker's version or why there is none, root, system, running ways."""

    docker_version: str = ""
    docker_problem: str = ""
    root: bool = False
    linux: bool = True


@dataclass(frozen=True, slots=True)
class Backend:
    """The way taken and the reason for it, for a person. `url` is the engine's for "remote"."""

    kind: Kind
    why: str
    url: str = ""


def choose_backend(settings: LabSettings, probe: HostProbe) -> Backend:
    """Choose the way: what was asked for, else Docker if a daemon answers, else the lab's own for root.

    Raises `EnvironmentProblem` when nothing is possible, or not what was asked for.
    """
    asked = settings.engine
    if asked and asked not in ("docker", "lab"):
        scheme = asked.partition("://")[0]
        if "://" not in asked or scheme not in _SCHEMES:
            raise EnvironmentProblem(
                f"LOCKAGE_ENGINE={asked} is neither a way nor the address of an engine",
                hint="use docker, lab, or an address like tcp://host:1234 or unix:///path/engine.sock",
            )
        return Backend("remote", "LOCKAGE_ENGINE names an engine", asked)
    if asked == "docker":
        if probe.docker_problem:
            raise EnvironmentProblem(
                f"LOCKAGE_ENGINE=docker, but {probe.docker_problem}",
                hint="start Docker (`docker info` has to answer), or unset LOCKAGE_ENGINE",
            )
        return Backend("docker", f"LOCKAGE_ENGINE=docker; Docker {probe.docker_version} answers")
    if asked == "lab":
        if not (probe.root and probe.linux):
            raise EnvironmentProblem(
                "LOCKAGE_ENGINE=lab needs root on Linux, for namespaces of its own",
                hint="run as root, or use Docker: LOCKAGE_ENGINE=docker",
            )
        return Backend("lab", "LOCKAGE_ENGINE=lab")
    if not probe.docker_problem:
        return Backend("docker", f"Docker {probe.docker_version} answers")
    if probe.root and probe.linux:
        return Backend("lab", f"no Docker ({probe.docker_problem}), and root on Linux")
    raise EnvironmentProblem(
        f"there is nothing to run an engine with: no Docker ({probe.docker_problem}), "
        + ("and not root" if probe.linux else "and not Linux"),
        hint="start Docker, run as root on Linux, or set LOCKAGE_ENGINE to the address of an engine",
    )
