"""What runs below the lab's engine, as the machine's /proc shows it: for tests that kill, stop and count."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.lab import daemons

from .site import Site

PATIENCE = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class Running:
    """A process by its pid and start time, which no other one has."""

    pid: int
    start: int
    command: tuple[str, ...]

    @property
    def alive(self) -> bool:
        """Whether it still runs, or is stopped."""
        return daemons.start_time(self.pid) == self.start

    def send(self, number: signal.Signals) -> None:
        """A signal for this very process, and for none that has got its pid since."""
        if self.alive:
            os.kill(self.pid, number)


def engine(site: Site) -> int:
    """The pid of process 1 of a site's engine."""
    return int(json.loads((site.data / "engine.pid").read_text())["pid"])


def below(site: Site) -> list[Running]:
    """All that the engine has started, and nothing else of this machine."""
    first, parents = engine(site), _parents()
    out = []
    for pid in parents:
        above = pid
        while above in parents and above != first:
            above = parents[above]
        if pid != above == first and (found := _running(pid)):
            out.append(found)
    return out


def find(site: Site, *command: str) -> list[Running]:
    """Those below the engine whose command begins with these words; the program's folder does not matter."""
    return [p for p in below(site) if (Path(p.command[0]).name, *p.command[1 : len(command)]) == command]


def buildkitd(site: Site) -> list[Running]:
    """The daemons of BuildKit."""
    return find(site, "buildkitd")


def wait_for(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Wait until a condition holds; fails after `patience` seconds."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"not within {patience:.0f} s: {what}"
        time.sleep(0.2)


def wait_to_find(
    site: Site, *command: str, count: int = 1, besides: list[Running] | None = None
) -> list[Running]:
    """Wait until so many run, not counting those `besides`."""
    found: list[Running] = []

    def enough() -> bool:
        found[:] = [p for p in find(site, *command) if p not in (besides or [])]
        return len(found) >= count

    wait_for(enough, f"{count} × {' '.join(command)}")
    return found


@contextmanager
def stopped(process: Running) -> Iterator[None]:
    """A process that hangs; it goes on afterwards, where it still exists."""
    process.send(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send(signal.SIGCONT)


@contextmanager
def looking_at(look: Callable[[Path], None], interval: float) -> Iterator[None]:
    """Call `look` with the /proc folder of every process of the machine, again every `interval` seconds.

    A process may end meanwhile: an OSError of `look` is passed over."""
    done = threading.Event()

    def go_round() -> None:
        while not done.wait(interval):
            for folder in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):
                    look(folder)

    thread = threading.Thread(target=go_round)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _parents() -> dict[int, int]:
    out = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            out[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    return out


def _running(pid: int) -> Running | None:
    start = daemons.start_time(pid)
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    return Running(pid, start, tuple(words[:-1])) if start is not None and words[0] else None
