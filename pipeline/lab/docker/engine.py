"""The engine as a container in the registry's network, with the fewest rights that suffice."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import anyio

from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file, replace_file

from .. import process
from ..daemons import DaemonState, DaemonStatus
from ..engine import certificates
from ..engine.config import engine_json, proxy_variables
from ..engine.image import ENGINE_REFERENCE
from ..forwarding import random_address, write_registry_forward
from ..registry_port import kept_port
from ..settings import LabSettings, StepCallback
from .cli import (
    FORWARD_LABEL,
    KEY_LABEL,
    Container,
    container_logs,
    container_state,
    docker,
    inspect_container,
    remove_container,
    stop_container,
    with_cause,
)
from .images import ensure_image
from .registry import DockerRegistry
from .rights import LEAST_RIGHTS, PRIVILEGED, check_rights

STEP = "engine"
START_LIMIT = 60.0  # seconds until it has to answer
STOP_LIMIT = 30  # seconds for writing its cache
_GENERATION_FILE = "engine.volume"
_START_SCRIPT = (Path(__file__).parent / "engine.sh").read_text


class _StartFailed(EnvironmentProblem):
    """The container was created, but no engine answers. `had_state`: its volume existed before."""

    def __init__(self, message: str, log: str, *, had_state: bool) -> None:
        super().__init__(
            message, hint="see its last lines below, then run `lockage up` again", detail=log or None
        )
        self.had_state = had_state


@dataclass(frozen=True, slots=True)
class DockerEngine:
    """The engine of an instance, in a container."""

    settings: LabSettings

    @property
    def name(self) -> str:
        """The container's name."""
        return f"lockage-{self.settings.instance}-engine"

    @property
    def address(self) -> str:
        """The engine's address for its clients."""
        return f"docker-container://{self.name}"

    @property
    def volume(self) -> str:
        """The volume with its state; the name changes after a state on which the engine would not start."""
        generation = self._generation()
        return f"lockage-{self.settings.instance}-engine" + (f"-{generation}" if generation else "")

    def _generation(self) -> int:
        try:
            return int(read_file(self.settings.data / _GENERATION_FILE))
        except (OSError, ValueError):
            return 0

    def key(self, registry: Container, port: int) -> str:
        """A running container is kept if it was created with this key.

        The key covers the registry's last start, because the engine lives in that container's network.
        """
        parts = [str(ENGINE_REFERENCE), registry.id, registry.started, engine_json(port), LEAST_RIGHTS]
        parts.append(_START_SCRIPT())
        if certificates_choice := certificates.choice(self.settings):
            parts.append(certificates_choice)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    async def forwards(self) -> Mapping[int, str]:
        """The address at which containers that receive it reach the registry; other ports of this machine's loopback
        they reach through Dagger's session."""
        container, port = await inspect_container(self.settings, self.name), kept_port(self.settings)
        forward = container.forward if container and container.running else ""
        return MappingProxyType({port: forward} if port and forward else {})

    async def answers(self) -> bool:
        """Whether the engine answers as its clients reach it (`docker exec NAME buildctl dial-stdio`)."""
        argv = ("exec", "--interactive", self.name, "buildctl", "dial-stdio")
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        try:
            completed = await docker(self.settings, *argv, limit=10, stdin=request)
        except EnvironmentProblem:
            return False
        return completed.stdout.startswith("HTTP/1.")

    async def start(self, port: int, report: StepCallback, *, keep: bool = False) -> None:
        """Start the engine unless it answers already. The registry has to run, on `port`.

        `keep` leaves an answering engine of another version alone, because others use it.
        Raises `EnvironmentProblem` if the image or the rights are unavailable, or the engine does not answer.
        """
        registry = await inspect_container(self.settings, DockerRegistry(self.settings).name)
        if registry is None:
            raise EnvironmentProblem("the registry's container is gone", hint="run `lockage up` again")
        container = await inspect_container(self.settings, self.name)
        if container and container.running and await self.answers():
            if keep or container.key == self.key(registry, port):
                return
            report(STEP, f"container {self.name} is of another version: recreating it")
            await self.stop(report)
        elif container:
            state = (
                "does not answer"
                if container.running
                else f"is {container.status}, code {container.exit_code}"
            )
            report(
                STEP, f"warning: container {self.name} {state}: recreating it; its layer cache may be lost"
            )
            await remove_container(self.settings, self.name)
        await ensure_image(ENGINE_REFERENCE, self.settings, report)
        await self._start_with_fewest_rights(registry, port, report)

    async def _start_with_fewest_rights(self, registry: Container, port: int, report: StepCallback) -> None:
        started = time.monotonic()
        try:
            await self._start_or_renew(registry, port, LEAST_RIGHTS, report)
        except EnvironmentProblem as least:
            report(STEP, f"{least.message}; trying --privileged")
            try:
                await self._start_or_renew(registry, port, PRIVILEGED, report)
            except EnvironmentProblem as privileged:
                raise EnvironmentProblem(
                    f"Docker cannot run the engine: {least.message}; with --privileged: {privileged.message}",
                    hint="see the lines below; alternatives: LOCKAGE_ENGINE=lab, or the address of an engine",
                    detail="\n".join(filter(None, (least.detail, privileged.detail))),
                ) from privileged
        report(STEP, f"running, container {self.name}, after {time.monotonic() - started:.1f} s")

    async def _start_or_renew(
        self, registry: Container, port: int, rights: tuple[str, ...], report: StepCallback
    ) -> None:
        """Start the container; if its state prevents that, on a new volume."""
        try:
            await self._start_container(registry, port, rights, report)
        except _StartFailed as problem:
            if not problem.had_state:
                raise
            old_volume, generation = self.volume, self._generation() + 1
            self._set_generation(generation)
            try:
                await self._start_container(registry, port, rights, report)
            except EnvironmentProblem:
                await docker(self.settings, "volume", "rm", self.volume)
                self._set_generation(generation - 1)
                raise problem from None  # the state was not the cause
            report(
                STEP,
                f"warning: the engine did not start on its state and runs with an empty one. The old one can be "
                f"removed: docker volume rm {old_volume}",
            )

    def _set_generation(self, generation: int) -> None:
        replace_file(self.settings.data / _GENERATION_FILE, f"{generation}\n", mode=0o600)

    async def _start_container(
        self, registry: Container, port: int, rights: tuple[str, ...], report: StepCallback
    ) -> None:
        report(STEP, "starting")
        had_state = (await docker(self.settings, "volume", "inspect", self.volume)).code == 0
        try:
            proxies = proxy_variables(self.settings.environ)
            argv = self._arguments(registry, port, rights, proxies)
            await docker(self.settings, "create", *argv, environ=proxies, purpose="docker create")
            await self._copy_configuration(port)
            await docker(self.settings, "start", self.name, purpose="docker start")
            await self._wait_until_answering(had_state)
            await check_rights(self.settings, self.name)
            for registry_port, forward in (await self.forwards()).items():
                write_registry_forward(self.settings, f"localhost:{registry_port}", forward)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await remove_container(self.settings, self.name)
            raise

    def _arguments(
        self, registry: Container, port: int, rights: Iterable[str], proxies: Iterable[str]
    ) -> list[str]:
        forward = random_address()
        return [
            *("--name", self.name, "--label", f"{KEY_LABEL}={self.key(registry, port)}"),
            *("--network", f"container:{registry.id}", *rights),
            *("--volume", f"{self.volume}:/var/lib/dagger"),
            *("--stop-signal", "SIGINT", "--stop-timeout", str(STOP_LIMIT)),
            *("--label", f"{FORWARD_LABEL}={forward}", "--env", f"LOCKAGE_FORWARD={forward}"),
            *("--env", f"LOCKAGE_PORT={port}", "--env", "DO_NOT_TRACK=1"),
            # By name alone: a value may be a secret.
            *(option for variable in proxies for option in ("--env", variable)),
            *("--entrypoint", "/bin/sh", str(ENGINE_REFERENCE), "-c", _START_SCRIPT(), "lockage-engine"),
            *("--oci-cni-pool-size", "8"),
        ]

    async def _copy_configuration(self, port: int) -> None:
        """Copy configuration and certificates into the container, which works with a remote daemon too."""
        with tempfile.TemporaryDirectory(prefix="lockage-") as temporary:
            folder = Path(temporary) / "dagger"
            folder.mkdir()
            (folder / "engine.json").write_text(engine_json(port))
            target = f"{self.name}:/etc/"
            await docker(self.settings, "cp", str(folder), target, purpose="configuring the engine")
        if authorities := certificates.folder(self.settings):
            target = f"{self.name}:/usr/local/share/ca-certificates"
            purpose = "giving the engine CA certificates"
            await docker(self.settings, "cp", f"{authorities}/.", target, purpose=purpose)

    async def _wait_until_answering(self, had_state: bool) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not await self.answers():
            container = await inspect_container(self.settings, self.name)
            ended = container is None or not container.running
            if ended or time.monotonic() > deadline:
                log = await container_logs(self.settings, self.name)
                message = (
                    with_cause("the engine's container ended while it started", process.tail(log, 1))
                    if ended
                    else f"the engine in Docker does not answer after {START_LIMIT:.0f} s"
                )
                raise _StartFailed(message, log, had_state=had_state)
            await anyio.sleep(0.1)

    async def stop(self, report: StepCallback) -> None:
        """Stop and remove the container if it exists. It writes its cache first, which stays in the volume."""
        if container := await inspect_container(self.settings, self.name):
            report(STEP, f"stopping container {self.name}")
            await stop_container(self.settings, container, STOP_LIMIT)

    async def status(self) -> DaemonStatus:
        """The engine's status. Raises `EnvironmentProblem` if Docker does not answer."""
        state = container_state(await inspect_container(self.settings, self.name))
        return DaemonStatus(
            "engine",
            state,
            address=self.address,
            runs_as=f"container {self.name}",
            answers=await self.answers() if state is DaemonState.RUNNING else None,
            log=f"docker logs {self.name}",
        )
