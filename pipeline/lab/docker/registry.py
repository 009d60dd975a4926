"""The embedded registry as a container, published on the loopback address alone.

The engine shares its network namespace, so what the engine needs of the network is requested here.
"""

from __future__ import annotations

import hashlib
import json
import time
from functools import partial

import anyio

from pipeline.errors import EnvironmentProblem

from .. import ports
from ..daemons import DaemonState
from ..namespaces import registry
from ..settings import LabSettings, Report
from . import command as docker
from . import images as docker_images
from .command import Container

STEP = registry.STEP
KEY = "io.lockage.key"
_ANSWER_LIMIT = 30.0
_CONTENT = "/home/appuser/registry"


def name(settings: LabSettings) -> str:
    """The container's name."""
    return f"lockage-{settings.instance}-registry"


def volume(settings: LabSettings) -> str:
    """Where its content is."""
    return f"lockage-{settings.instance}-registry"


def state(container: Container | None) -> DaemonState:
    """How a container is, as for a daemon: one that ended by itself has crashed."""
    if container is None:
        return DaemonState.STOPPED
    return DaemonState.RUNNING if container.running else DaemonState.CRASHED


async def start(settings: LabSettings, report: Report, *, keep: bool = False) -> int:
    """Make the registry's container run and answer; gives its port. Nothing happens if it does already.

    `keep` leaves an answering registry of another version alone, for the sake of whoever uses it.
    Raises `EnvironmentProblem` when the image cannot be had, the port is taken or it does not answer.
    """
    there = await docker.container(settings, name(settings))
    kept = registry.port(settings)
    if there and kept and there.running and (keep or there.labels.get(KEY) == key(kept, settings)):
        if await ports.http_answers(kept, "/v2/", 5):
            return kept
        report(STEP, f"container {there.name} does not answer: making it again, its content is kept")
    elif there:
        how = "of another version" if there.running else there.status
        report(STEP, f"container {there.name} is {how}: making it again, its content is kept")
    await docker_images.ensure(docker_images.REGISTRY, settings, report)
    if there:
        await docker.remove(settings, there.name)
    number = await registry.on_a_port(settings, partial(_launch, settings))
    report(STEP, f"running on localhost:{number}, container {name(settings)}")
    return number


async def _launch(settings: LabSettings, number: int) -> None:
    label = f"{KEY}={key(number, settings)}"
    argv = ("run", "--detach", "--label", label, *_arguments(number, settings))
    try:
        await docker.call(settings, *argv, what="starting the registry in Docker")
    except EnvironmentProblem:
        await docker.remove(settings, name(settings))  # made, though its port was refused
        raise
    await _answer(number, settings)


def key(number: int, settings: LabSettings) -> str:
    """What decides whether a container is the one that would be started now: all its arguments."""
    return hashlib.sha256(json.dumps(_arguments(number, settings)).encode()).hexdigest()[:12]


def _arguments(number: int, settings: LabSettings) -> list[str]:
    return [
        *("--name", name(settings), "--publish", f"{ports.LOOPBACK}:{number}:{number}"),
        *("--volume", f"{volume(settings)}:{_CONTENT}"),
        *("--sysctl", "net.ipv4.ip_forward=1"),  # for the engine: else it is as on the host, and read-only
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *(docker_images.REGISTRY, "serve", "--addr", "0.0.0.0", "--port", str(number)),
        *("--store-type", "dir", "--dir", _CONTENT, "--api-delete", "--api-blob-delete"),
    ]


async def _answer(number: int, settings: LabSettings) -> None:
    deadline = time.monotonic() + _ANSWER_LIMIT
    while not await ports.http_answers(number, "/v2/"):
        there = await docker.container(settings, name(settings))
        if there is None or not there.running or time.monotonic() > deadline:
            said = await docker.logs(settings, name(settings))
            await docker.remove(settings, name(settings))
            raise EnvironmentProblem(
                f"the registry in Docker did not come up on localhost:{number}",
                hint="does this Docker publish ports on 127.0.0.1 of this machine?",
                detail=said or None,
            )
        await anyio.sleep(0.1)


async def stop(settings: LabSettings, report: Report) -> None:
    """Stop and remove the container if it is there; its content stays in the volume."""
    if await docker.container(settings, name(settings)):
        report(STEP, f"stopping container {name(settings)}")
        await docker.call(settings, "stop", "--time", "10", name(settings))
        await docker.remove(settings, name(settings))
