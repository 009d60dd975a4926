"""What killed runs of the tests leave in the temporary folder: up to 20 GB each, which pytest keeps for days."""

from __future__ import annotations

import getpass
import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path


def temporary_root() -> Path:
    """Where pytest makes a numbered folder for each run."""
    root = Path(os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir())
    return root.resolve() / f"pytest-of-{getpass.getuser()}"


def remove_leftovers(root: Path) -> list[Path]:
    """Remove the folders of runs that were killed; those of runs that go on, or whose daemons do, stay."""
    dead = [lock.parent for lock in sorted(root.glob("pytest-*/.lock")) if not _alive(lock)]
    removed = [folder for folder in dead if not _in_use(folder)]
    for folder in removed:
        for mount in _mounts_below(folder):
            subprocess.run(["umount", "--lazy", mount], check=True)
        subprocess.run(["rm", "-rf", "--one-file-system", folder], check=True)
    return removed


def _alive(lock: Path) -> bool:
    """Whether the process that a run's lock names exists (pytest writes its id into it)."""
    with suppress(OSError, ValueError):
        return Path("/proc", str(int(lock.read_text()))).exists()
    return True  # a lock that cannot be read is somebody's


def _in_use(folder: Path) -> bool:
    """Whether a process has this folder in its command line, as the daemons of a site have."""
    needle = f"{folder}/".encode()
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if needle in command.read_bytes():
                return True
    return False


def _mounts_below(folder: Path) -> list[str]:
    """The mount points below a folder, the innermost first."""
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return sorted((point for point in points if point.startswith(f"{folder}/")), key=len, reverse=True)
