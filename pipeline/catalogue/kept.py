"""The plan of a folder, from what an earlier command kept if nothing changed since."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pipeline.config import Lock
from pipeline.model import Platform

from .plan import Plan
from .source import Source
from .store import dump, fingerprint, load

_KEEP = 32


def plan_of(
    source: Source,
    *,
    cache: Path | None = None,
    lock: Lock | None = None,
    only: Iterable[str] = (),
    platforms: Iterable[Platform] = (),
    snapshot_id: str | None = None,
    engine: str = "",
) -> Plan:
    """As `make_plan`, and kept in the folder `cache` for the next time. Raises what `make_plan` raises;
    a cache that cannot be read or written is as good as none."""
    patterns, wanted = tuple(only), tuple(platforms)
    plan = None
    place = None
    if cache is not None:
        name = fingerprint(source, lock=lock, platforms=wanted, snapshot_id=snapshot_id, engine=engine)
        place = cache / f"{name}.json"
        plan = _read(place, source)
    if plan is None:
        from .make import make_plan

        plan = make_plan(source, lock=lock, platforms=wanted, snapshot_id=snapshot_id, engine=engine)
        if place is not None:
            _keep(place, dump(plan))
    if patterns:
        from .selection import select

        return select(plan, patterns)
    return plan


def _read(place: Path, source: Source) -> Plan | None:
    try:
        return load(place.read_bytes(), source)
    except (OSError, ValueError):
        return None


def _keep(place: Path, content: bytes) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".plan-", dir=place.parent)
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        Path(name).replace(place)
        kept = sorted(place.parent.glob("*.json"), key=lambda p: p.stat().st_mtime_ns)
        for old in kept[:-_KEEP]:
            old.unlink(missing_ok=True)
    except OSError:
        return
