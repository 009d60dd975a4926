"""Start the engine in its own namespaces, with a user-mode network: nothing on the host changes.

The engine is process 1 of a pid namespace (under tini), so everything it started ends with it. slirp4netns gives the
network namespace its interface, and ends with that namespace.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType

import anyio

from pipeline.errors import EnvironmentProblem
from pipeline.util.child_environment import ChildEnvironment
from pipeline.util.dataclass import dataclass

from .. import daemons, process
from ..daemons import DaemonRecord
from ..engine import certificates
from ..settings import LabSettings, StepCallback
from ..tools.packages import need

PROGRAMS = {"unshare": "util-linux", "slirp4netns": "slirp4netns"}
_ENTER_SCRIPT = Path(__file__).parent / "enter.sh"
_TUN = "/dev/net/tun"
_FORK_LIMIT = 5.0  # seconds for unshare to have its child


@dataclass(frozen=True, slots=True)
class Sandbox:
    """An engine in namespaces: its root file system, its folders on the host, its settings.

    `name` becomes its host name and the parent of its control groups. `environ` is the engine's own. `ports` are those
    of the host's loopback that it may reach, `forwards` the secret addresses at which its containers reach them.
    `qemu` is a folder with emulators to lay over the root, or None.
    """

    name: str
    root: Path
    mount: Path
    state: Path
    run: Path
    config: Path
    log: Path
    ports: tuple[int, ...]
    environ: Mapping[str, str]
    qemu: Path | None = None
    forwards: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)


async def check_requirements(settings: LabSettings, report: StepCallback) -> None:
    """Make sure that the programs exist and that this user may use them.

    Raises `EnvironmentProblem` if not, with the alternatives.
    """
    if os.geteuid() != 0:
        raise EnvironmentProblem(
            "an engine without Docker needs root, to create namespaces and mounts",
            hint="run as root, or use Docker or a remote engine: LOCKAGE_ENGINE=docker or its address",
        )
    if not os.access(_TUN, os.R_OK | os.W_OK):
        raise EnvironmentProblem(
            f"{_TUN} cannot be opened, which the engine's network needs",
            hint="load the kernel module tun, or pass the device into this container",
        )
    await need(PROGRAMS, settings, report)


async def launch(sandbox: Sandbox, key: str, settings: LabSettings) -> DaemonRecord:
    """Start the engine and its network; returns the record of its process 1, before the engine answers.

    Raises `EnvironmentProblem` if the kernel refuses the namespaces.
    """
    for folder in (sandbox.mount, sandbox.state, sandbox.run):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    read_end, write_end = os.pipe()
    try:
        engine = await _enter_namespaces(sandbox, key, settings, write_end)
        _start_network(engine, sandbox, settings, read_end)
    finally:
        os.close(read_end)
        os.close(write_end)  # the kernel closes the copies inside when the last process there ends
    return engine


async def _enter_namespaces(
    sandbox: Sandbox, key: str, settings: LabSettings, liveness_pipe: int
) -> DaemonRecord:
    environ = _environ(sandbox, settings)
    unshare = str(process.find("unshare", settings) or "unshare")
    argv = [unshare, "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
    parent = daemons.spawn(
        [*argv, "sh", str(_ENTER_SCRIPT)], environ=environ, log=sandbox.log, pass_fds=(liveness_pipe,)
    )
    deadline = time.monotonic() + _FORK_LIMIT
    try:
        while parent.poll() is None and time.monotonic() < deadline:
            if record := _child_of(parent.pid, key):
                return record
            await anyio.sleep(0.01)
    except BaseException:
        parent.kill()  # ends its child too, which no record names yet
        raise
    parent.kill()
    raise EnvironmentProblem(
        "the kernel refuses to create namespaces for the engine",
        hint="is this a container? It needs CAP_SYS_ADMIN; or use LOCKAGE_ENGINE=docker or a remote engine",
        detail=daemons.last_lines(sandbox.log) or None,
    )


def _environ(sandbox: Sandbox, settings: LabSettings) -> ChildEnvironment:
    variables = {
        "LAB_LOWER": sandbox.root,
        "LAB_MOUNT": sandbox.mount,
        "LAB_STATE": sandbox.state,
        "LAB_RUN": sandbox.run,
        "LAB_CONFIG": sandbox.config,
        "LAB_CERTS": certificates.folder(settings) or "",
        "LAB_PORT": " ".join(map(str, sandbox.ports)),
        "LAB_FORWARDS": " ".join(f"{port}={address}" for port, address in sandbox.forwards.items()),
        "LAB_NAME": sandbox.name,
        "LAB_QEMU": sandbox.qemu or "",
    }
    extra = {name: str(value) for name, value in variables.items()}
    return settings.child_environ(
        "daemon", {**sandbox.environ, "PATH": settings.path, "HOME": "/root", **extra}
    )


def _child_of(parent: int, key: str) -> DaemonRecord | None:
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return None
    return daemons.record_of(int(children[0]), key) if children else None


def _start_network(engine: DaemonRecord, sandbox: Sandbox, settings: LabSettings, liveness_pipe: int) -> None:
    slirp = str(process.find("slirp4netns", settings) or "slirp4netns")
    argv = [slirp, "--configure", "--mtu=65520", "--enable-sandbox", "--enable-seccomp"]
    argv += [f"--exit-fd={liveness_pipe}", str(engine.pid), "tap0"]
    daemons.spawn(
        argv,
        environ=settings.child_environ("daemon"),
        log=sandbox.log.with_name("network.log"),
        pass_fds=(liveness_pipe,),
    )


def sweep(name: str, run: Path) -> None:
    """Remove what the kernel keeps after an engine's end: its empty control groups, its registered emulators.

    `name` and `run` are those of its sandbox.
    """
    for hierarchy in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")):
        group = hierarchy / name
        for folder in sorted(group.rglob("*/"), key=lambda path: -len(path.parts)):
            _rmdir(folder)
        _rmdir(group)
    registered = run / "binfmt"
    if registered.exists():
        for emulator in registered.read_text().split():
            entry = Path("/proc/sys/fs/binfmt_misc") / Path(emulator).name
            if entry.exists():
                entry.write_text("-1")
        registered.unlink()


def _rmdir(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # it does not exist, or a process that is about to end still uses it
