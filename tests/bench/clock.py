"""Time and CPU of processes, taken in turns so that a busy moment of the machine meets all of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class Failed(Exception):
    """A command that was to be measured did not work."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One process from start to end: seconds on the wall, seconds of CPU with its children, its stdout, and the
    most memory that was its own at once, in MiB."""

    seconds: float
    cpu: float
    out: str = ""
    memory: float = 0


@dataclass(frozen=True, slots=True)
class Command:
    """Something to measure. `before` runs ahead of each round and is not measured."""

    argv: Sequence[str | Path]
    env: Mapping[str, str]
    cwd: Path
    before: Callable[[], None] | None = None

    def run(self) -> Sample:
        """Run it once. Raises Failed, with its last words, unless it ends well."""
        if self.before:
            self.before()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            began = time.perf_counter()
            process = subprocess.Popen(
                list(map(str, self.argv)),
                env=dict(self.env),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            try:
                _, status, used = os.wait4(process.pid, 0)
            except BaseException:
                process.terminate()
                process.wait()
                raise
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            text = out.read().decode(errors="replace")
            if process.returncode:
                tail = err.read().decode(errors="replace")[-2000:]
                raise Failed(f"{' '.join(map(str, self.argv))}: exit {process.returncode}\n{tail}")
        return Sample(seconds, used.ru_utime + used.ru_stime, text, used.ru_maxrss / 1024)


def in_turns(commands: Mapping[str, Command], rounds: int) -> dict[str, list[Sample]]:
    """Each command once to warm up, then A B A B for as many rounds; samples by name."""
    for command in commands.values():
        command.run()
    found: dict[str, list[Sample]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            found[name].append(command.run())
    return found


def wall(samples: Sequence[Sample]) -> float:
    """The median of the seconds on the wall."""
    return statistics.median(s.seconds for s in samples)


def cpu(samples: Sequence[Sample]) -> float:
    """The median of the seconds of CPU."""
    return statistics.median(s.cpu for s in samples)
