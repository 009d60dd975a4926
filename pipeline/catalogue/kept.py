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
from .store import Fingerprint, dump, fingerprint, load, load_parts

_KEEP = 32
_FEW = 0.2  # of all folders


def plan_of(
    source: Source,
    *,
    cache: Path | None = None,
    lock: Lock | None = None,
    only: Iterable[str] = (),
    platforms: Iterable[Platform] = (),
    snapshot_id: str | None = None,
) -> Plan:
    """As `make_plan`, and kept in the folder `cache` for the next time. Raises what `make_plan` raises;
    a cache that cannot be read or written is as good as none."""
    patterns, wanted = tuple(only), tuple(platforms)
    if cache is None:
        plan = _made(source, lock, wanted, snapshot_id)
    else:
        now = fingerprint(source, lock=lock, platforms=wanted, snapshot_id=snapshot_id)
        plan = _read(cache / f"{now}.json", source)
        if plan is None and not wanted and snapshot_id is None:
            plan = _from_latest(cache, now, source, lock)
        if plan is None:
            plan = _made(source, lock, wanted, snapshot_id)
            _keep(cache / f"{now}.json", dump(plan, now.folders))
    if patterns:
        from .selection import select

        return select(plan, patterns)
    return plan


def _made(
    source: Source,
    lock: Lock | None,
    platforms: tuple[Platform, ...],
    snapshot_id: str | None,
) -> Plan:
    from .make import make_plan

    return make_plan(source, lock=lock, platforms=platforms, snapshot_id=snapshot_id)


def _from_latest(cache: Path, now: Fingerprint, source: Source, lock: Lock | None) -> Plan | None:
    """The plan made of the latest one that only differs in a few folders; it is not kept, for the next one is
    made as quickly."""
    try:
        latest = max(cache.glob(f"{now.rest}-*.json"), key=lambda p: p.stat().st_mtime_ns)
        old, folders = load_parts(latest.read_bytes(), source)
    except (OSError, ValueError):
        return None
    differing = now.differing(folders)
    if differing is None or len(differing) > _FEW * len(folders):
        return None
    from .remake import remake

    return remake(old, source, differing, lock=lock)


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
