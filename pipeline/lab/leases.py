"""Who uses the instance now: one small file per run, valid as long as that process lives."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from . import daemons
from .daemons import DaemonRecord
from .settings import LabSettings

_numbers = count()


@dataclass(frozen=True, slots=True)
class Lease:
    """A run that needs the instance to stay up: its process, its folder and what it does; `builder` is BuildKit's
    image where the run has started it on its engine."""

    pid: int
    folder: str
    what: str
    builder: str = ""

    def __str__(self) -> str:
        return f"pid {self.pid} in {self.folder} ({self.what})"


def _folder(settings: LabSettings) -> Path:
    return settings.data / "users"


@contextmanager
def hold(settings: LabSettings, folder: Path, what: str = "run") -> Iterator[Callable[[str], None]]:
    """Keep others from stopping the instance during the block. Enter it before `up`; gives a function that notes the
    image of the builder that was started.

    Any number of runs, also of one process, may hold the same instance.
    """
    record = daemons.describe(os.getpid(), "")
    place = _folder(settings) / f"{os.getpid()}-{next(_numbers)}.json"
    text = {**(asdict(record) if record else {}), "folder": str(folder), "what": what}

    def note(builder: str) -> None:
        daemons.replace_text(place, json.dumps(text | {"builder": builder}) + "\n")

    note("")
    try:
        yield note
    finally:
        place.unlink(missing_ok=True)


def users(settings: LabSettings, *, others: bool = False) -> tuple[Lease, ...]:
    """Who holds the instance, by pid; without this process if `others`. Files of the dead are removed."""
    found = []
    for place in sorted(_folder(settings).glob("*.json")):
        try:
            data = json.loads(place.read_text())
            record = DaemonRecord(int(data["pid"]), int(data["start"]), str(data["boot"]))
            builder = str(data.get("builder", ""))
            user = Lease(record.pid, str(data["folder"]), str(data["what"]), builder)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # being removed, or not one of ours
        if not daemons.alive(record):
            place.unlink(missing_ok=True)
        elif not (others and record.pid == os.getpid()):
            found.append(user)
    return tuple(sorted(found, key=lambda user: user.pid))
