"""The embedded registry as a container, published on the loopback address alone.

The engine shares its network namespace, so what the engine needs of the network is requested here.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time

import anyio

from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass

from .. import ports
from ..daemons import DaemonState, DaemonStatus
from ..registry_credentials import ensure_credentials
from ..registry_port import kept_port, launch_on_port, registry_address
from ..settings import LabSettings, StepCallback
from .cli import (
    KEY_LABEL,
    container_logs,
    container_state,
    docker,
    inspect_container,
    remove_container,
    stop_container,
)
from .images import REGISTRY_REFERENCE, ensure_image

STEP = "registry"
_ANSWER_LIMIT = 30.0  # seconds until it has to answer
_STOP_LIMIT = 10  # seconds
_CONTENT = "/home/appuser/registry"
_USERS = "/registry-users.yml"
_CREDENTIALS_LABEL = "io.lockage.credentials"


@dataclass(frozen=True, slots=True)
class DockerRegistry:
    """The registry of an instance, in a container."""

    settings: LabSettings

    @property
    def name(self) -> str:
        """The container's name."""
        return f"lockage-{self.settings.instance}-registry"

    @property
    def volume(self) -> str:
        """The volume with its content."""
        return f"lockage-{self.settings.instance}-registry"

    async def start(self, report: StepCallback, *, keep: bool = False) -> int:
        """Start the registry unless it answers already; returns its port.

        `keep` leaves an answering registry of another version alone, because others use it.
        Raises `EnvironmentProblem` if the image is unavailable, the port is taken or the registry does not answer.
        """
        container = await inspect_container(self.settings, self.name)
        port = kept_port(self.settings)
        if container and port and container.running and (keep or container.key == self.key(port)):
            if await ports.http_answers(port, "/v2/", 5):
                return port
            report(STEP, f"container {self.name} does not answer: recreating it, its content is kept")
        elif container:
            state = "of another version" if container.running else container.status
            report(STEP, f"container {self.name} is {state}: recreating it, its content is kept")
        await ensure_image(REGISTRY_REFERENCE, self.settings, report)
        if container:
            await remove_container(self.settings, self.name)
        port = await launch_on_port(self.settings, self._launch)
        report(STEP, f"running on localhost:{port}, container {self.name}")
        return port

    def key(self, port: int) -> str:
        """A running container is kept if it was created with this key, a hash over all its arguments."""
        return hashlib.sha256(json.dumps(self._arguments(port)).encode()).hexdigest()[:12]

    def _arguments(self, port: int) -> list[str]:
        return [
            *("--name", self.name, "--publish", f"{ports.LOOPBACK}:{port}:{port}"),
            *("--volume", f"{self.volume}:{_CONTENT}"),
            # For the engine: by default it is as on the host, and read-only.
            *("--sysctl", "net.ipv4.ip_forward=1"),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--label", f"{_CREDENTIALS_LABEL}={ensure_credentials(self.settings).fingerprint}"),
            *(str(REGISTRY_REFERENCE), "serve", "--addr", "0.0.0.0", "--port", str(port)),
            *("--store-type", "dir", "--dir", _CONTENT, "--api-delete", "--api-blob-delete"),
            *("--auth-basic", _USERS),
        ]

    async def _launch(self, port: int) -> None:
        argv = ("create", "--label", f"{KEY_LABEL}={self.key(port)}", *self._arguments(port))
        try:
            await docker(self.settings, *argv, purpose="creating the registry in Docker")
            await self._copy_users()
            await docker(self.settings, "start", self.name, purpose="starting the registry in Docker")
        except EnvironmentProblem:
            await remove_container(self.settings, self.name)  # created, though its port was refused
            raise
        await self._wait_until_answering(port)

    async def _copy_users(self) -> None:
        """Copy the file of users into the container, which works with a remote daemon too. It has a hash alone, and the
        container's user may read it."""
        content = ensure_credentials(self.settings).registry_users().encode()
        archive, member = io.BytesIO(), tarfile.TarInfo(_USERS.lstrip("/"))
        member.size, member.mode = len(content), 0o444
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.addfile(member, io.BytesIO(content))
        argv = ("cp", "-", f"{self.name}:/")
        await docker(self.settings, *argv, stdin=archive.getvalue(), purpose="configuring the registry")

    async def _wait_until_answering(self, port: int) -> None:
        deadline = time.monotonic() + _ANSWER_LIMIT
        while not await ports.http_answers(port, "/v2/"):
            container = await inspect_container(self.settings, self.name)
            if container is None or not container.running or time.monotonic() > deadline:
                log = await container_logs(self.settings, self.name)
                await remove_container(self.settings, self.name)
                raise EnvironmentProblem(
                    f"the registry in Docker did not start on localhost:{port}",
                    hint="does this Docker publish ports on 127.0.0.1 of this machine?",
                    detail=log or None,
                )
            await anyio.sleep(0.1)

    async def stop(self, report: StepCallback) -> None:
        """Stop and remove the container if it exists; its content stays in the volume."""
        if container := await inspect_container(self.settings, self.name):
            report(STEP, f"stopping container {self.name}")
            await stop_container(self.settings, container, _STOP_LIMIT)

    async def status(self) -> DaemonStatus:
        """The registry's status. Raises `EnvironmentProblem` if Docker does not answer."""
        state = container_state(await inspect_container(self.settings, self.name))
        port = kept_port(self.settings)
        return DaemonStatus(
            "registry",
            state,
            address=registry_address(self.settings),
            runs_as=f"container {self.name}",
            answers=await ports.http_answers(port, "/v2/") if port and state is DaemonState.RUNNING else None,
            log=f"docker logs {self.name}",
        )
