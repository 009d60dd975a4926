"""Processor time of daemons: of a process, or of an engine with all containers that it ever had."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .clock import Failed

_TICKS = os.sysconf("SC_CLK_TCK")
_GROUPS = Path("/sys/fs/cgroup")
_V1 = ("cpuacct", "cpu,cpuacct")


def used(pid: int) -> float:
    """Seconds that a process and everything below it have used so far (proc(5): utime, stime, cutime, cstime).

    What has ended is counted with the one who waited for it. What ended with its pid namespace is lost, for nobody
    waited for it: a daemon in a container, for one, with all that it had run.
    """
    return sum(ticks for _, ticks in _below(pid).values()) / _TICKS


@dataclass(frozen=True, slots=True)
class Account:
    """Processor time of an engine or a BuildKit in namespaces: its own, its network's, and its containers'.

    Control groups count what has ended as well. The daemon's containers are in the group that is called as its sandbox;
    the daemon itself and its user-mode network get another one here.
    """

    own: Path
    containers: Path

    @classmethod
    def of(cls, pid: int, sandbox: str) -> Account:
        """Begin to count; `pid` is process 1 of the daemon's namespaces. Raises Failed without control groups."""
        root = _root()
        account = cls(root / f"bench-{sandbox}", root / sandbox)
        try:
            account.own.mkdir(exist_ok=True)
        except OSError as fault:
            raise Failed(f"{account.own}: {fault.strerror}") from None
        inside = set(_processes(account.containers))
        for process in {*_below(pid), *_networks(pid)} - inside:
            with suppress(OSError):  # it has ended
                (account.own / "cgroup.procs").write_text(str(process))
        return account

    def used(self) -> float:
        """Seconds so far, of what ran since it was begun."""
        return _usage(self.own) + _usage(self.containers)

    def close(self) -> None:
        """Remove the group; it has to be empty."""
        with suppress(OSError):
            self.own.rmdir()


def _root() -> Path:
    return next((_GROUPS / name for name in _V1 if (_GROUPS / name).is_dir()), _GROUPS)


def _usage(group: Path) -> float:
    with suppress(OSError):
        return int((group / "cpuacct.usage").read_text()) / 1e9
    with suppress(OSError):
        words = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
        return int(words["usage_usec"]) / 1e6
    return 0.0  # no container yet


def _processes(group: Path) -> Iterable[int]:
    for file in group.rglob("cgroup.procs"):
        with suppress(OSError):
            yield from map(int, file.read_text().split())


def _networks(pid: int) -> Iterable[int]:
    """The user-mode network of a daemon is no child of it: slirp4netns's processes, which name it."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"slirp4netns") and str(pid).encode() in words:
                yield int(folder.name)


def _below(pid: int) -> dict[int, tuple[int, int]]:
    """The process and everything below it: parent and clock ticks."""
    found: dict[int, tuple[int, int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            found[int(folder.name)] = int(fields[1]), sum(map(int, fields[11:15]))
    wanted = {pid}
    while more := {one for one, (parent, _) in found.items() if parent in wanted} - wanted:
        wanted |= more
    return {one: found[one] for one in wanted if one in found}
