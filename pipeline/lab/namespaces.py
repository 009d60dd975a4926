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
from pipeline.lab import certificates, daemons, process
from pipeline.lab.daemons import Record
from pipeline.lab.packages import need
from pipeline.lab.settings import Report, Settings

PROGRAMS = {"unshare": "util-linux", "slirp4netns": "slirp4netns"}
_ENTER = Path(__file__).parent / "resources" / "enter.sh"
_TUN = "/dev/net/tun"
_FORK_LIMIT = 5.0  # seconds for unshare to have its child


@dataclass(frozen=True, slots=True)
class Cell:
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


async def prepare(settings: Settings, report: Report) -> None:
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


async def launch(cell: Cell, key: str, settings: Settings) -> Record:
    """Start the engine and its network; gives the record of its process 1, before the engine answers.

    Raises `EnvironmentProblem` if the kernel refuses the namespaces.
    """
    for folder in (cell.mount, cell.state, cell.run):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    reading, writing = os.pipe()
    try:
        first = await _enter(cell, key, settings, writing)
        _network(first, cell, settings, reading)
    finally:
        os.close(reading)
        os.close(writing)  # its copies inside are closed by the kernel when the last process there ends
    return first


async def _enter(cell: Cell, key: str, settings: Settings, sign_of_life: int) -> Record:
    environ = _environ(cell, settings)
    unshare = str(process.find("unshare", settings) or "unshare")
    argv = [unshare, "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
    parent = daemons.spawn(
        [*argv, "sh", str(_ENTER)], environ=environ, log=cell.log, pass_fds=(sign_of_life,)
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
        detail=daemons.last_lines(cell.log) or None,
    )


def _environ(cell: Cell, settings: Settings) -> dict[str, str]:
    places = {
        "LAB_LOWER": cell.root,
        "LAB_MOUNT": cell.mount,
        "LAB_STATE": cell.state,
        "LAB_RUN": cell.run,
        "LAB_CONFIG": cell.config,
        "LAB_CERTS": certificates.folder(settings) or "",
        "LAB_PORT": " ".join(map(str, cell.ports)),
        "LAB_FORWARDS": " ".join(f"{port}={address}" for port, address in cell.forwards.items()),
        "LAB_NAME": cell.name,
        "LAB_QEMU": cell.qemu or "",
    }
    environ = {**cell.environ, "PATH": settings.path, "HOME": "/root"}
    return environ | {name: str(value) for name, value in places.items()}


def _child(parent: int, key: str) -> Record | None:
    try:
        found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return None
    return daemons.describe(int(found[0]), key) if found else None


def _network(first: Record, cell: Cell, settings: Settings, sign_of_life: int) -> None:
    slirp = str(process.find("slirp4netns", settings) or "slirp4netns")
    argv = [slirp, "--configure", "--mtu=65520", "--enable-sandbox", "--enable-seccomp"]
    argv += [f"--exit-fd={sign_of_life}", str(first.pid), "tap0"]
    daemons.spawn(
        argv,
        environ={"PATH": settings.path},
        log=cell.log.with_name("network.log"),
        pass_fds=(sign_of_life,),
    )


def sweep(cell: Cell) -> None:
    """Remove what the kernel keeps after the engine's end: its empty control groups, its emulators' names."""
    for hierarchy in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")):
        group = hierarchy / cell.name
        for folder in sorted(group.rglob("*/"), key=lambda path: -len(path.parts)):
            _rmdir(folder)
        _rmdir(group)
    registered = cell.run / "binfmt"
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
