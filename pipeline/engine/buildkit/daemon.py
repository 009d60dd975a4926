"""BuildKit's daemon as a service of the engine: one for each engine and run, on state that outlives both.

It listens on a socket in a cache volume that only its clients mount, so that nothing else on the engine's network can
reach it, RUN instructions of its own builds included. Registries on the loopback of the session's machine keep their
names (`localhost:5000`): the engine's network forwards them where it can, otherwise the session does, which takes some
ten times the processor time.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import anyio

from pipeline.errors import EnvironmentProblem, LockageError

from ..faults import explained
from .config import RUNTIME
from .order import DOCKERFILE, METADATA, OUT, PROGRESS, RESULT

if TYPE_CHECKING:
    import dagger

    from .config import DaemonConfig

STATE = "lockage-buildkit-state"
SOCKETS = "lockage-buildkit-run"
START_LIMIT = 60.0  # seconds until the daemon answers
# Seconds until the progress of all builds is read, and again; reading takes the engine 0.3 s of processor time.
PROGRESS_INTERVAL = 20.0
_TAIL = 8192  # bytes of a build's events
_TRACE = ".trace"
_ANSWERED = "\n==> answered <==\n"
_HEADER = re.compile(rf"^==> (.*){re.escape(_TRACE)} <==\n", re.MULTILINE)
_ENGINE_LIMIT = 60.0  # seconds for the engine to run a probe, and to stop a service
_RELEASES = ("/etc/debian_version", "/etc/alpine-release", "/etc/os-release", "/usr/lib/os-release")
_START = Path(__file__).parent / "daemon.sh"
_RUNTIME = Path(__file__).parent / "runtime.sh"
NEVER_ANSWERED = 69  # a client's exit code (sysexits.h, EX_UNAVAILABLE)
ENDED = 71  # the same (EX_OSERR)
# The Dockerfile is on standard input, because each directory that the engine makes or mounts costs it a snapshot. The
# shell reports no errors: the engine would write them to its disk, and seemed to wait for ever where that was full.
# One file says all that a build left, so that one request to the engine reads it.
_CLIENT = f"""\
exec 2>/dev/null
left={START_LIMIT * 20:.0f} code={NEVER_ANSWERED} socket=$1 folder=${{1%/*}}
shift
mkdir -p {OUT} {DOCKERFILE}
cat >{DOCKERFILE}/Dockerfile
until [ -S "$socket" ] || [ $((left -= 1)) -eq 0 ]; do
    if [ $((left % 20)) -eq 0 ] && [ -e "$folder/log" ] && flock -n "$folder/lock" true; then
        tail -c {_TAIL} "$folder/log" >{PROGRESS}
        code={ENDED}
        break
    fi
    sleep 0.05
done
if [ -S "$socket" ]; then code=0; "$@" 2>{PROGRESS} || code=$?; fi
[ -s {METADATA} ] || echo '{{}}' >{METADATA}
[ -e {PROGRESS} ] || : >{PROGRESS}
{{ echo $code; cat {METADATA}; echo; cat {PROGRESS}; }} >{RESULT}
"""


class Daemon:
    """The daemon of this run on an engine: started by the first build that needs it, stopped with the session."""

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
        self._client_tools: dict[str, dagger.ContainerID] = {}  # their ids, by credentials
        self._name, self._answered = _new_name(), 0.0
        self._progress: Mapping[str, str] = {}
        self._reading, self._read = anyio.Lock(), 0.0

    @property
    def address(self) -> str:
        """Its address inside its clients' containers, also before it starts. After a restart it has another."""
        return f"unix://{self._socket}"

    @property
    def _socket(self) -> str:
        return f"{self._folder}/buildkitd.sock"

    @property
    def _folder(self) -> str:
        return f"/run/buildkit/{self._name}"

    def tool(self) -> dagger.Container:
        """A container of BuildKit's image with the daemons' sockets, for clients.

        The files that name its distribution are removed: if the engine knows the distribution, it installs its
        machine's certificate authorities before each command and removes them afterwards, which takes seconds.
        """
        return self._image().without_files(list(_RELEASES))

    async def client_tool(self, credentials: str) -> dagger.Container:
        """A container of `tool` for builds, with a Docker configuration (its text; empty for none).

        Builds with the same one share the container by its id, so that its secret is sent to the engine once, and the
        engine does not resolve each step of its making for each of them.
        """
        import dagger

        if credentials not in self._client_tools:
            tool = self.tool()
            if credentials:
                secret = self.client.set_secret("lockage-registries", credentials)
                tool = tool.with_mounted_secret("/root/.docker/config.json", secret)
            self._client_tools[credentials] = dagger.ContainerID(await tool.id())
        return self.client.load_container_from_id(self._client_tools[credentials])

    def _image(self) -> dagger.Container:
        sockets = self.client.cache_volume(SOCKETS)
        base = self.client.container().from_(str(self.config.image))
        # The engine appends its certificate authorities to the bundle by itself. This program would hash all of them
        # before and after each command, which takes seconds.
        base = base.without_file("/usr/sbin/update-ca-certificates")
        # Or the Dockerfile's text is in Dagger's trace, which a terminal or a CI gets as it is.
        base = base.with_env_variable("OTEL_TRACES_EXPORTER", "none")
        # Or the daemon's history holds, for each build, every span of the session so far: all builds have one trace.
        base = base.with_env_variable("OTEL_TRACES_SAMPLER", "always_off")
        return base.with_mounted_cache("/run/buildkit", sockets).without_entrypoint()

    def client_command(self, *arguments: str) -> list[str]:
        """A client's command line in a container of `tool`; the Dockerfile is its standard input. It waits for a daemon
        that is starting, and writes the client's exit code, its metadata and its standard error to RESULT. The code is
        NEVER_ANSWERED if waiting took more than START_LIMIT, and ENDED, with the daemon's log for a standard error, if
        the daemon has ended before it listened."""
        return ["/bin/sh", "-ec", _CLIENT, "sh", self._socket, "buildctl", "--addr", self.address, *arguments]

    async def start(self) -> None:
        """Start it unless it was started; it may not answer yet. Raises EnvironmentProblem."""
        async with self._lock:
            if self._service is None:
                await self._start()

    async def restart(self, address: str) -> None:
        """Replace the daemon with this address, unless another build has done so."""
        async with self._lock:
            if address == self.address:
                self._name, self._answered = _new_name(), 0.0
                await self._stop()
            if self._service is None:
                await self._start()

    async def failed(self, address: str) -> bool:
        """Whether the daemon with this address, once started, is gone or hangs. Raises EnvironmentProblem when the
        engine does."""
        if address == self.address and self._service is None:
            return False  # it never started
        return address != self.address or not await self.answers(self.config.patience)

    async def _start(self) -> None:
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
        base = base.with_new_file(RUNTIME, _RUNTIME.read_text(encoding="utf-8"), permissions=0o755)
        base = base.with_env_variable("LOCKAGE_RUN", self._name)
        if self.config.host_network:
            base = base.with_env_variable("LOCKAGE_HOST_NETWORK", "1")
        return base.as_service(
            args=["/bin/sh", "-c", _START.read_text(encoding="utf-8")], insecure_root_capabilities=True
        )

    def _loopback(self) -> dagger.Service | None:
        import dagger

        unforwarded = [port for port in self.config.ports if port not in self._forwards]
        ports = [dagger.PortForward(backend=port, frontend=port) for port in unforwarded]
        return self.client.host().service(ports, host="localhost") if ports else None

    async def wait_until_hung(self) -> None:
        """Return when it no longer answers. However many builds wait, it is probed once every `patience` seconds."""
        patience = self.config.patience
        while True:
            await anyio.sleep(patience)
            if time.monotonic() - self._answered < patience:
                continue  # another build has just probed it
            starting = not self._answered
            try:
                if not await self.answers(START_LIMIT if starting else patience, starting=starting):
                    return
            except LockageError:  # the engine is gone as well
                return

    async def progress(self) -> Mapping[str, str]:
        """The last events that running builds wrote to their `trace`, by name; read once in PROGRESS_INTERVAL seconds.

        The same container probes the daemon, so that `wait_until_hung` need not.
        """
        async with self._reading:
            if time.monotonic() - self._read >= PROGRESS_INTERVAL:
                script = f"""
                    cd {self._folder}; tail -qvc {_TAIL} *{_TRACE} 2>/dev/null || :
                    {self._probe(self.config.patience)} >/dev/null 2>&1 && printf '%s' '{_ANSWERED}' || :"""
                reader = self.tool().with_env_variable("LOCKAGE_ASKED", uuid.uuid4().hex)
                with explained("reading the progress of builds"):
                    output = await reader.with_exec(["/bin/sh", "-c", script]).stdout()
                if output.endswith(_ANSWERED):
                    self._answered = time.monotonic()
                parts = _HEADER.split(output.removesuffix(_ANSWERED))
                self._progress = dict(zip(parts[1::2], parts[2::2], strict=True))
                self._read = time.monotonic()
            return self._progress

    def trace(self, name: str) -> str:
        """The file for the events of a build of this name."""
        return f"{self._folder}/{name}{_TRACE}"

    async def answers(self, limit: float, *, starting: bool = False) -> bool:
        """Whether it answers a client within `limit` seconds; while `starting`, it may refuse connections until then.

        Raises EnvironmentProblem when the engine does not answer.
        """
        import dagger

        script = f"{self._probe(limit)} || exit 1"
        if starting:
            script = f"""
                end=$(($(date +%s) + {limit:.0f}))
                while [ "$(date +%s)" -le $end ]; do
                    ({script}) && exit
                    sleep 0.1
                done; exit 1"""
        probe = (
            self.tool()
            .with_env_variable("LOCKAGE_ASKED", uuid.uuid4().hex)
            .with_exec(["/bin/sh", "-c", script], expect=dagger.ReturnType.ANY)
        )
        doing = "probing BuildKit"
        answered: bool | None = None
        with explained(doing), anyio.move_on_after(limit + _ENGINE_LIMIT):
            answered = await probe.exit_code() == 0
        if answered is None:
            raise EnvironmentProblem(
                f"{doing}: the engine does not answer",
                hint="lockage status; lockage down engine && lockage up",
            )
        if answered:
            self._answered = time.monotonic()
        return answered

    def _probe(self, limit: float) -> str:
        return f"timeout -s KILL {limit:.0f} buildctl --addr {self.address} debug workers"

    async def _stop(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            with suppress(LockageError), explained("stopping BuildKit"), anyio.move_on_after(_ENGINE_LIMIT):
                await service.stop(kill=True)


def _new_name() -> str:
    return uuid.uuid4().hex[:12]
