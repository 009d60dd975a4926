"""BuildKit's daemon as a service of the engine: one for each engine and run, on a state that outlives both.

It listens on a socket in a cache volume, which only its clients mount: whoever else shares the engine's network, the
RUN instructions of its own builds first of all, cannot reach it. What of the registries is on the loopback of the
machine the session comes from is brought in under its usual name (`localhost:5000`): by the engine's own network where
that forwards it, by the session otherwise, which costs some ten times the processor time.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import anyio

from pipeline.errors import EnvironmentProblem, LockageError
from pipeline.model import Mirrors, Reference

from ..faults import explained

if TYPE_CHECKING:
    import dagger

STATE = "lockage-buildkit-state"
SOCKETS = "lockage-buildkit-run"
SUBNET = "10.86.0.0/16"  # of RUN instructions; the engine's own is 10.87.0.0/16
START_LIMIT = 60.0  # seconds until the daemon answers
FIRST_LOOK = 10.0  # seconds until a build is looked at for what it is doing
LOOKS = 20.0  # seconds between two looks at all builds: each takes the engine 0.3 s of processor time
_TAIL = 8192  # bytes of a build's events
_TRACE = ".trace"
_ANSWERED = "\n==> answered <==\n"
_HEADER = re.compile(rf"^==> (.*){re.escape(_TRACE)} <==\n", re.MULTILINE)
PATIENCE = 30.0  # seconds in which a busy daemon has to answer
_ENGINE_LIMIT = 60.0  # seconds for the engine to run a question, and to stop a service
_RELEASES = ("/etc/debian_version", "/etc/alpine-release", "/etc/os-release", "/usr/lib/os-release")
_CERTIFICATES = "/etc/buildkit/ca"
_START = Path(__file__).parent / "daemon.sh"
NEVER_ANSWERED = 69  # a client's exit code (sysexits.h, EX_UNAVAILABLE)
_WAIT = f"""\
left={START_LIMIT * 20:.0f}
until [ -S "$1" ]; do
    [ $((left -= 1)) -gt 0 ] || exit {NEVER_ANSWERED}
    sleep 0.05
done
shift
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """What a daemon is made of: its image, and how it reaches registries.

    `plain_http` are hosts without TLS, `authorities` the PEM texts that hosts are trusted by beside the usual ones.
    `ports` are loopback ports of the machine that the session comes from, of registries and caches there. `secrets` are
    variables that the daemon gets, and no step of a build. While it builds it is asked every `patience` seconds whether
    it still answers, and has as many to do so.
    """

    image: Reference
    mirrors: Mirrors = field(default_factory=Mirrors)
    plain_http: frozenset[str] = frozenset()
    authorities: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ports: tuple[int, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    parallelism: int = 0  # steps at once over all builds; 0 for no limit
    patience: float = PATIENCE

    def toml(self) -> str:
        """The daemon's configuration (buildkitd.toml)."""
        lines = [
            'insecure-entitlements = ["network.host", "security.insecure"]',
            "[history]",
            "maxEntries = 20",
            "[worker.oci]",
            'snapshotter = "overlayfs"',
            'networkMode = "bridge"',
            f"bridgeSubnet = {json.dumps(SUBNET)}",
            "cniPoolSize = 1",
            "gc = true",
            'reservedSpace = "5GB"',
            'maxUsedSpace = "20GB"',
            'minFreeSpace = "3GB"',
        ]
        if self.parallelism:
            lines.append(f"max-parallelism = {self.parallelism}")
        hosts = {*self.plain_http, *self.authorities, *self.mirrors.by_host}
        for number, host in enumerate(sorted(hosts)):
            lines.append(f"[registry.{json.dumps(host)}]")
            if host in self.plain_http:
                lines.append("http = true")
            if host in self.authorities:
                lines.append(f"ca = [{json.dumps(f'{_CERTIFICATES}/{number}.pem')}]")
            if prefix := self.mirrors.by_host.get(host):
                lines.append(f"mirrors = [{json.dumps(str(prefix))}]")
        return "\n".join(lines) + "\n"

    def certificates(self) -> dict[str, str]:
        """Paths in the daemon's file system, and what they hold."""
        hosts = sorted({*self.plain_http, *self.authorities, *self.mirrors.by_host})
        return {
            f"{_CERTIFICATES}/{number}.pem": self.authorities[host]
            for number, host in enumerate(hosts)
            if host in self.authorities
        }


class Daemon:
    """A daemon of this run on an engine: started by the first build that needs it, stopped with the session."""

    def __init__(
        self,
        client: dagger.Client,
        config: DaemonConfig,
        registry: dagger.Service | None = None,
        forwards: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        self.client, self.config = client, config
        self._forwards = {port: forwards[port] for port in config.ports if port in forwards}
        self._registry, self._lock = registry, anyio.Lock()
        self._service: dagger.Service | None = None
        self._name, self._answered = "", 0.0
        self._progress: Mapping[str, str] = {}
        self._reading, self._read = anyio.Lock(), 0.0

    @property
    def address(self) -> str:
        """Where clients find it, inside their containers."""
        return f"unix://{self._socket}"

    @property
    def _socket(self) -> str:
        return f"{self._folder}/buildkitd.sock"

    @property
    def _folder(self) -> str:
        return f"/run/buildkit/{self._name}"

    def tool(self) -> dagger.Container:
        """A container of BuildKit's image that sees the daemons' sockets, for clients.

        It does not say which distribution it is of: in one that it knows, the engine installs the certificate
        authorities of its machine before each command and takes them out afterwards, which takes seconds.
        """
        return self._image().without_files(list(_RELEASES))

    def _image(self) -> dagger.Container:
        sockets = self.client.cache_volume(SOCKETS)
        base = self.client.container().from_(str(self.config.image))
        # Authorities that the engine gives to its containers it then appends to their bundle by itself; this program
        # would hash all that are in there, before and after each command: seconds.
        base = base.without_file("/usr/sbin/update-ca-certificates")
        return base.with_mounted_cache("/run/buildkit", sockets).without_entrypoint()

    def client_command(self, *arguments: str) -> list[str]:
        """A client's command line in a container of `tool`. It waits for a daemon that was just started, and exits with
        NEVER_ANSWERED where that takes more than START_LIMIT."""
        return ["/bin/sh", "-c", _WAIT, "sh", self._socket, "buildctl", "--addr", self.address, *arguments]

    async def start(self) -> str:
        """Make sure that it was started; gives its address, where it may not answer yet. Raises EnvironmentProblem."""
        async with self._lock:
            if self._service is None:
                await self._start()
            return self.address

    async def restart(self, address: str) -> None:
        """Start another one in place of that with this address, unless another build did already."""
        async with self._lock:
            if address == self.address:
                await self._stop()
            if self._service is None:
                await self._start()

    async def failed(self, address: str) -> bool:
        """Whether the one with this address is gone or hangs. Raises EnvironmentProblem when the engine does."""
        return address != self.address or not await self.answers(self.config.patience)

    async def _start(self) -> None:
        self._name, self._answered = uuid.uuid4().hex[:12], 0.0
        service = self._definition()
        with explained("starting BuildKit"):
            await service.start()
        self._service = service

    def _definition(self) -> dagger.Service:
        base = self._image().with_mounted_cache("/var/lib/buildkit", self.client.cache_volume(STATE))
        base = base.with_new_file("/etc/buildkit/lockage.toml", self.config.toml())
        for path, content in self.config.certificates().items():
            base = base.with_new_file(path, content)
        for name, value in self.config.secrets.items():
            base = base.with_secret_variable(name, self.client.set_secret(f"lockage-buildkit-{name}", value))
        registry = self._registry or self._loopback()
        if registry is not None:
            base = base.with_service_binding("localhost", registry)
        if self._forwards:
            pairs = " ".join(f"{port}={address}" for port, address in self._forwards.items())
            secret = self.client.set_secret("lockage-buildkit-forwards", pairs)
            base = base.with_secret_variable("LOCKAGE_FORWARDS", secret)
        base = base.with_env_variable("LOCKAGE_RUN", self._name)
        return base.as_service(
            args=["/bin/sh", "-c", _START.read_text(encoding="utf-8")], insecure_root_capabilities=True
        )

    def _loopback(self) -> dagger.Service | None:
        import dagger

        rest = [port for port in self.config.ports if port not in self._forwards]
        ports = [dagger.PortForward(backend=port, frontend=port) for port in rest]
        return self.client.host().service(ports, host="localhost") if ports else None

    async def hangs(self) -> None:
        """Return when it no longer answers; asked now and then while builds run, however many they are."""
        patience = self.config.patience
        while True:
            await anyio.sleep(patience)
            if time.monotonic() - self._answered < patience:
                continue  # another build has just asked
            starting = not self._answered
            try:
                if not await self.answers(START_LIMIT if starting else patience, starting=starting):
                    return
            except LockageError:  # the engine is gone as well
                return

    async def progress(self) -> Mapping[str, str]:
        """The ends of what running builds have written to their `trace`, by name; read every LOOKS seconds at most.

        The container that reads them asks whether the daemon answers, so that `hangs` need not.
        """
        async with self._reading:
            if time.monotonic() - self._read >= LOOKS:
                script = f"""
                    cd {self._folder}; tail -qvc {_TAIL} *{_TRACE} 2>/dev/null || :
                    {self._question(self.config.patience)} >/dev/null 2>&1 && printf '%s' '{_ANSWERED}' || :"""
                asked = self.tool().with_env_variable("LOCKAGE_ASKED", uuid.uuid4().hex)
                with explained("asking BuildKit's clients for their progress"):
                    text = await asked.with_exec(["/bin/sh", "-c", script]).stdout()
                if text.endswith(_ANSWERED):
                    self._answered = time.monotonic()
                parts = _HEADER.split(text.removesuffix(_ANSWERED))
                self._progress = dict(zip(parts[1::2], parts[2::2], strict=True))
                self._read = time.monotonic()
            return self._progress

    def trace(self, name: str) -> str:
        """Where a build of this name is to write its events."""
        return f"{self._folder}/{name}{_TRACE}"

    async def answers(self, limit: float, *, starting: bool = False) -> bool:
        """Whether it answers a client within `limit` seconds; one that is `starting` may refuse connections until then.

        Raises EnvironmentProblem when the engine does not answer.
        """
        import dagger

        script = f"{self._question(limit)} || exit 1"
        if starting:
            script = f"""
                end=$(($(date +%s) + {limit:.0f}))
                while [ "$(date +%s)" -le $end ]; do
                    ({script}) && exit
                    sleep 0.1
                done; exit 1"""
        asked = (
            self.tool()
            .with_env_variable("LOCKAGE_ASKED", uuid.uuid4().hex)
            .with_exec(["/bin/sh", "-c", script], expect=dagger.ReturnType.ANY)
        )
        what = "asking whether BuildKit answers"
        answered: bool | None = None
        with explained(what), anyio.move_on_after(limit + _ENGINE_LIMIT):
            answered = await asked.exit_code() == 0
        if answered is None:
            raise EnvironmentProblem(
                f"{what}: the engine does not answer",
                hint="lockage status; lockage down engine && lockage up",
            )
        if answered:
            self._answered = time.monotonic()
        return answered

    def _question(self, limit: float) -> str:
        return f"timeout -s KILL {limit:.0f} buildctl --addr {self.address} debug workers"

    async def _stop(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            with suppress(LockageError), explained("stopping BuildKit"), anyio.move_on_after(_ENGINE_LIMIT):
                await service.stop(kill=True)
