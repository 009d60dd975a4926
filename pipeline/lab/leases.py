"""Leases on the instance: one small file per run that uses it, valid as long as its process lives."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import count
from pathlib import Path

from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file, replace_file
from pipeline.util.private_folder import private_folder

from . import daemons
from .daemons import DaemonRecord
from .settings import LabSettings

_serial_numbers = count()


@dataclass(frozen=True, slots=True)
class Lease:
    """A run that needs the instance to stay up: its process, its folder and its command.

    `builder` is the image of BuildKit if the run has started it on its engine.
    """

    pid: int
    folder: str
    command: str
    builder: str = ""

    def __str__(self) -> str:
        return f"pid {self.pid} in {self.folder} ({self.command})"

    def to_json(self) -> dict[str, object]:
        """The lease as data."""
        return {
            "pid": self.pid,
            "folder": self.folder,
            "what": self.command,
            "builder": self.builder or None,
        }


def _folder(settings: LabSettings) -> Path:
    return settings.data / "users"


@contextmanager
def hold(settings: LabSettings, folder: Path, command: str = "run") -> Iterator[Callable[[str], None]]:
    """Keep others from stopping the instance during the block. Enter it before `up`.

    Yields a function that records the image of a builder the run has started. Any number of runs, also of one
    process, may hold the same instance.
    """
    record = daemons.record_of(os.getpid(), "")
    path = _folder(settings) / f"{os.getpid()}-{next(_serial_numbers)}.json"
    fields = {**(asdict(record) if record else {}), "folder": str(folder), "what": command}

    def note_builder(builder: str) -> None:
        replace_file(path, json.dumps(fields | {"builder": builder}) + "\n", mode=0o600)

    private_folder(path.parent)
    note_builder("")
    try:
        yield note_builder
    finally:
        path.unlink(missing_ok=True)


def current_leases(settings: LabSettings) -> tuple[Lease, ...]:
    """The leases on the instance, by pid. Files of processes that have ended are removed."""
    leases = []
    for path in sorted(_folder(settings).glob("*.json")):
        try:
            data = json.loads(read_file(path))
            record = DaemonRecord(int(data["pid"]), int(data["start"]), str(data["boot"]))
            builder = str(data.get("builder", ""))
            lease = Lease(record.pid, str(data["folder"]), str(data["what"]), builder)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # being removed, or not a lease
        if daemons.alive(record):
            leases.append(lease)
        else:
            path.unlink(missing_ok=True)
    return tuple(sorted(leases, key=lambda lease: lease.pid))


def leases_of_others(settings: LabSettings) -> tuple[Lease, ...]:
    """The leases of all processes but this one."""
    return tuple(lease for lease in current_leases(settings) if lease.pid != os.getpid())
