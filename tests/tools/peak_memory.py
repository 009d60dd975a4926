"""The program in a process of its own that says how much memory it held at most."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# VmHWM belongs to the address space. The kernel's `ru_maxrss` does not do here: a process that is forked takes over
# the figure of whoever started it, which is a whole run of tests.
_PROGRAM = """\
import atexit, re, sys
place = sys.argv.pop(1)
peak = lambda: re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]
atexit.register(lambda: open(place, "w").write(peak()))
from pipeline.cli import main
sys.exit(main())
"""


def run_measured(
    arguments: list[str], place: Path, *, cwd: Path, env: Mapping[str, str]
) -> tuple[subprocess.CompletedProcess[str], int]:
    """`lockage` with these arguments, run to its end, and its peak in MiB (written to `place`)."""
    place.unlink(missing_ok=True)
    command = [sys.executable, "-c", _PROGRAM, str(place), *arguments]
    done = subprocess.run(command, cwd=cwd, env=dict(env), capture_output=True, text=True, check=False)
    return done, int(place.read_text()) // 1024
