"""Start the engine in namespaces of its own, with a user-mode network: nothing of the host's is changed.

The engine is process 1 of a pid namespace (under tini), so that its end is the end of everything it
started. slirp4netns gives the network namespace its interface, and ends when that namespace does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem

from .. import daemons, process
from ..daemons import DaemonRecord
from ..engine import certificates
from ..settings import LabSettings, Report
from ..tools.packages import need

PROGRAMS = {"unshare": "util-linux", "slirp4netns": "slirp4netns"}
_ENTER = Path(__file__).parent / "enter.sh"
_TUN = "/dev/net/tun"
_FORK_LIMIT = 5.0  # seconds for unshare to have its child


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What an engine in namespaces is made of: the root file system, its folders on the host, its settings.

    `name` becomes its host name and the parent of its control groups; `environ` is the engine's own;
    `ports` are those of the host's loopback that it may reach; `forwards` says at which address its containers reach
    them, if they know it; `qemu` is a folder with emulators to lay over the root, or None.
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
    forwards: Mapping[int, str] = field(default_factory=dict, repr=False)


async def prepare(settings: LabSettings, report: Report) -> None:
    """Make sure that the programs are there and that this user may use them.

    Raises `EnvironmentProblem` if not, with the other ways to get an engine.
    """
    if os.geteuid() != 0:
        raise EnvironmentProblem(
            "an engine without Docker needs root, for namespaces and mounts of its own",
            hint="run as root, or use Docker or a remote engine: LOCKAGE_ENGINE=docker or its URL",
        )
    if not os.access(_TUN, os.R_OK | os.W_OK):
        raise EnvironmentProblem(
            "/dev/net/tun cannot be opened, which the engine's own network needs",
            hint="load the kernel module tun, or pass the device into this container",
        )
    await need(PROGRAMS, settings, report)


async def launch(sandbox: Sandbox, key: str, settings: LabSettings) -> DaemonRecord:
    """Start the engine and its network; gives the record of its process 1, before the engine answers.

    Raises `EnvironmentProblem` if the kernel refuses the namespaces.
    """
    for folder in (sandbox.mount, sandbox.state, sandbox.run):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    reading, writing = os.pipe()
    try:
        first = await _enter(sandbox, key, settings, writing)
        _network(first, sandbox, settings, reading)
    finally:
        os.close(reading)
        os.close(writing)  # its copies inside are closed by the kernel when the last process there ends
    return first


async def _enter(sandbox: Sandbox, key: str, settings: LabSettings, sign_of_life: int) -> DaemonRecord:
    environ = _environ(sandbox, settings)
    unshare = str(process.find("unshare", settings) or "unshare")
    argv = [unshare, "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
    parent = daemons.spawn(
        [*argv, "sh", str(_ENTER)], environ=environ, log=sandbox.log, pass_fds=(sign_of_life,)
    )
    deadline = time.monotonic() + _FORK_LIMIT
    try:
        while parent.poll() is None and time.monotonic() < deadline:
            if record := _child(parent.pid, key):
                return record
            await anyio.sleep(0.01)
    except BaseException:
        parent.kill()  # takes its child with it: nobody knows of them yet
        raise
    parent.kill()
    raise EnvironmentProblem(
        "the kernel does not give the engine namespaces of its own",
        hint="is this a container? It needs CAP_SYS_ADMIN; or use LOCKAGE_ENGINE=docker or a remote engine",
        detail=daemons.last_lines(sandbox.log) or None,
    )


def _environ(sandbox: Sandbox, settings: LabSettings) -> dict[str, str]:
    places = {
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
    environ = {**sandbox.environ, "PATH": settings.path, "HOME": "/root"}
    return environ | {name: str(value) for name, value in places.items()}


def _child(parent: int, key: str) -> DaemonRecord | None:
    try:
        found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return None
    return daemons.describe(int(found[0]), key) if found else None


def _network(first: DaemonRecord, sandbox: Sandbox, settings: LabSettings, sign_of_life: int) -> None:
    slirp = str(process.find("slirp4netns", settings) or "slirp4netns")
    argv = [slirp, "--configure", "--mtu=65520", "--enable-sandbox", "--enable-seccomp"]
    argv += [f"--exit-fd={sign_of_life}", str(first.pid), "tap0"]
    daemons.spawn(
        argv,
        environ={"PATH": settings.path},
        log=sandbox.log.with_name("network.log"),
        pass_fds=(sign_of_life,),
    )


def sweep(sandbox: Sandbox) -> None:
    """Remove what the kernel keeps after the engine's end: its empty control groups, its emulators' names."""
    for hierarchy in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")):
        group = hierarchy / sandbox.name
        for folder in sorted(group.rglob("*/"), key=lambda path: -len(path.parts)):
            _rmdir(folder)
        _rmdir(group)
    registered = sandbox.run / "binfmt"
    if registered.exists():
        for name in registered.read_text().split():
            entry = Path("/proc/sys/fs/binfmt_misc") / Path(name).name
            if entry.exists():
                entry.write_text("-1")
        registered.unlink()


def _rmdir(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # never made, or still in use by a process that is about to end
