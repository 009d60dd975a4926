"""Processor time of daemons: of a process, of all that it started, and of those among them that have ended."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def used(pid: int) -> float:
    """Seconds that a process and everything below it have used so far (proc(5): utime, stime, cutime, cstime).

    What has ended is counted with the one who waited for it, so nothing of process 1 of a pid namespace is lost.
    """
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            parents[int(folder.name)] = int(fields[1])
            ticks[int(folder.name)] = sum(map(int, fields[11:15]))
    wanted = {pid}
    while more := {one for one, parent in parents.items() if parent in wanted} - wanted:
        wanted |= more
    return sum(ticks.get(one, 0) for one in wanted) / _TICKS
