"""The engine as a container of our own, in the registry's network, with the least rights that do.

Measured with Debian's Docker 20.10, cgroup v1 and v2: SYS_ADMIN and NET_ADMIN, its own control groups made writable,
all devices, since a container of the engine's with `insecure_root_capabilities` gets them and cannot have more than
the engine's, and no filter on system calls, since runc joins a session keyring for each container. Where that is not
enough, and Docker allows it, the container is `--privileged`, which is what Dagger's own provisioning requests.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem

from .. import daemons, process
from ..engine import certificates
from ..engine import config as engine_config
from ..settings import LabSettings, Report
from . import command as docker
from . import images as docker_images
from . import registry as docker_registry
from .command import Container
from .registry import KEY

STEP = "engine"
START_LIMIT = 60.0  # seconds until it has to answer
STOP_LIMIT = 30  # seconds for writing its cache
_RESOURCES = Path(__file__).parent
_START = (_RESOURCES / "engine.sh").read_text
_TEST = (_RESOURCES / "rights-test.sh").read_text

LEAST = (
    *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cgroupns", "private"),
    *("--device-cgroup-rule", "a *:* rwm"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
)
PRIVILEGED = ("--privileged", "--cgroupns", "private")


def name(settings: LabSettings) -> str:
    """The container's name."""
    return f"lockage-{settings.instance}-engine"


def runner_host(settings: LabSettings) -> str:
    """The address of the engine for its clients."""
    return f"docker-container://{name(settings)}"


def volume(settings: LabSettings) -> str:
    """Where its state is; a new name after a state on which it would not start."""
    generation = _generation(settings)
    return f"lockage-{settings.instance}-engine" + (f"-{generation}" if generation else "")


def _generation(settings: LabSettings) -> int:
    try:
        return int((settings.data / "engine.volume").read_text())
    except (OSError, ValueError):
        return 0


def key(registry: Container, port: int, trusted: str = "") -> str:
    """What decides whether a running container is the one that would be started now.

    The registry's last start belongs to it: the engine lives in that container's network; so does what is said of
    certificates (`trusted`).
    """
    parts = [docker_images.ENGINE, registry.id, registry.started, engine_config.text(port), LEAST, _START()]
    parts += [trusted] if trusted else []
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


async def answers(settings: LabSettings, limit: float = 10) -> bool:
    """Whether the engine answers on the way that its clients take (`docker exec NAME buildctl dial-stdio`)."""
    argv = ("exec", "--interactive", name(settings), "buildctl", "dial-stdio")
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        done = await docker.call(settings, *argv, limit=limit, stdin=request)
    except EnvironmentProblem:
        return False
    return done.out.startswith("HTTP/1.")


async def start(port: int, settings: LabSettings, report: Report, *, keep: bool = False) -> None:
    """Make the engine's container run and answer. Nothing happens if it does already; the registry has to run.

    `keep` leaves an answering engine of another version alone, for the sake of whoever uses it.
    Raises `EnvironmentProblem` when the image or the rights are not to be had, or it does not come up.
    """
    registry = await docker.container(settings, docker_registry.name(settings))
    if registry is None:
        raise EnvironmentProblem("the registry's container is gone", hint="run `lockage up` again")
    there = await docker.container(settings, name(settings))
    if there and there.running and await answers(settings):
        if keep or there.labels.get(KEY) == key(registry, port, certificates.choice(settings)):
            return
        report(STEP, f"container {there.name} is of another version: making it again")
        await stop(settings, report)
    elif there:
        word = "does not answer" if there.running else f"is {there.status}, code {there.exit_code}"
        report(STEP, f"warning: container {there.name} {word}: making it again; its layer cache may be lost")
        await docker.remove(settings, there.name)
    await docker_images.ensure(docker_images.ENGINE, settings, report)
    await _with_rights(registry, port, settings, report)


async def _with_rights(registry: Container, port: int, settings: LabSettings, report: Report) -> None:
    """Try the least rights, then all of them; a state that does not start is left aside."""
    started = time.monotonic()
    try:
        await _run(registry, port, LEAST, settings, report)
    except EnvironmentProblem as least:
        report(STEP, f"{least.message}; trying --privileged")
        try:
            await _run(registry, port, PRIVILEGED, settings, report)
        except EnvironmentProblem as privileged:
            raise EnvironmentProblem(
                f"Docker does not run the engine: {least.message}; with --privileged: {privileged.message}",
                hint="see the lines below; other ways: LOCKAGE_ENGINE=lab, or the URL of an engine",
                detail="\n".join(filter(None, (least.detail, privileged.detail))),
            ) from privileged
    report(STEP, f"running, container {name(settings)}, after {time.monotonic() - started:.1f} s")


async def _run(
    registry: Container, port: int, rights: tuple[str, ...], settings: LabSettings, report: Report
) -> None:
    try:
        await _container(registry, port, rights, settings, report)
    except _NotUp as problem:
        old, generation = volume(settings), _generation(settings) + 1
        if not problem.had_state:
            raise
        daemons.replace_text(settings.data / "engine.volume", f"{generation}\n")
        try:
            await _container(registry, port, rights, settings, report)
        except EnvironmentProblem:
            await docker.call(settings, "volume", "rm", volume(settings))
            daemons.replace_text(settings.data / "engine.volume", f"{generation - 1}\n")
            raise problem from None  # it was not the state's fault
        report(
            STEP,
            f"warning: the engine did not start on its state; it runs with a fresh one. The old one can be "
            f"removed: docker volume rm {old}",
        )


class _NotUp(EnvironmentProblem):
    """The container was made and did not become an engine that answers."""

    had_state = False


async def _container(
    registry: Container, port: int, rights: tuple[str, ...], settings: LabSettings, report: Report
) -> None:
    report(STEP, "starting")
    had_state = (await docker.call(settings, "volume", "inspect", volume(settings))).code == 0
    container = name(settings)
    try:
        proxies = engine_config.proxies(settings.environ)
        argv = _arguments(registry, port, rights, proxies, settings)
        await docker.call(settings, "create", *argv, environ=proxies, what="docker create")
        await _configure(port, settings)
        await docker.call(settings, "start", container, what="docker start")
        problem = await _wait(settings)
        if problem is None:
            tested = await docker.call(settings, "exec", container, "/bin/sh", "-c", _TEST())
            if tested.code == 0:
                return
            refused = tested.err.strip()
            raise EnvironmentProblem(
                _because("Docker's rights do not let the engine run containers", refused.partition("\n")[0]),
                detail=process.tail(refused) or None,
            )
        problem.had_state = had_state
        raise problem
    except BaseException:
        with anyio.CancelScope(shield=True):
            await docker.remove(settings, container)
        raise


def _arguments(
    registry: Container, port: int, rights: Iterable[str], proxies: Iterable[str], settings: LabSettings
) -> list[str]:
    return [
        *("--name", name(settings), "--label", f"{KEY}={key(registry, port, certificates.choice(settings))}"),
        *("--network", f"container:{registry.id}", *rights),
        *("--volume", f"{volume(settings)}:/var/lib/dagger"),
        *("--stop-signal", "SIGINT", "--stop-timeout", str(STOP_LIMIT)),
        *("--env", f"LOCKAGE_PORT={port}", "--env", "DO_NOT_TRACK=1"),
        *(word for variable in proxies for word in ("--env", variable)),  # by name: a value may be a secret
        *("--entrypoint", "/bin/sh", docker_images.ENGINE, "-c", _START(), "lockage-engine"),
        *("--oci-cni-pool-size", "8"),
    ]


async def _configure(port: int, settings: LabSettings) -> None:
    """Copy configuration and certificates into the container: works with a daemon anywhere."""
    with tempfile.TemporaryDirectory(prefix="lockage-") as temporary:
        folder = Path(temporary) / "dagger"
        folder.mkdir()
        (folder / "engine.json").write_text(engine_config.text(port))
        where = name(settings)
        await docker.call(settings, "cp", str(folder), f"{where}:/etc/", what="configuring the engine")
    if trusted := certificates.folder(settings):
        target = f"{name(settings)}:/usr/local/share/ca-certificates"
        await docker.call(settings, "cp", f"{trusted}/.", target, what="giving the engine CA certificates")


async def _wait(settings: LabSettings) -> _NotUp | None:
    deadline = time.monotonic() + START_LIMIT
    container = name(settings)
    while True:
        if await answers(settings):
            return None
        there = await docker.container(settings, container)
        died = there is None or not there.running
        if died or time.monotonic() > deadline:
            logged = await docker.logs(settings, container)
            what = _because("the engine's container ended while it started", process.tail(logged, 1))
            return _NotUp(
                what if died else f"the engine in Docker does not answer after {START_LIMIT:.0f} s",
                hint="see its last lines below, then run `lockage up` again",
                detail=logged or None,
            )
        await anyio.sleep(0.1)


def _because(what: str, line: str) -> str:
    """A message that ends with the line of a log that has the cause, which belongs where everybody reads."""
    return f"{what}: {line.strip()}" if line.strip() else what


async def stop(settings: LabSettings, report: Report) -> None:
    """Stop and remove the container if it is there, so that it writes its cache, which stays in the volume."""
    there = await docker.container(settings, name(settings))
    if there is None:
        return
    report(STEP, f"stopping container {there.name}")
    if there.running:
        await docker.call(settings, "stop", "--time", str(STOP_LIMIT), there.name, limit=STOP_LIMIT + 30)
    await docker.remove(settings, there.name)
