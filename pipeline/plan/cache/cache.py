"""The plan of a folder: read back if nothing changed since an earlier command, made from everything otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.catalogue.source import Source
from pipeline.config import Lock
from pipeline.model import Platform
from pipeline.util.files import replace_file

from ..plan import Plan
from .encoding import dump, fingerprint, load

_KEEP = 32


def plan_of(
    source: Source,
    *,
    cache: Path | None = None,
    lock: Lock | None = None,
    only: Iterable[str] = (),
    platforms: Iterable[Platform] = (),
    snapshot_id: str | None = None,
) -> Plan:
    """As `make_plan`; the plan and its compiled templates are kept for the next time below the folder `cache`.

    Raises what `make_plan` raises; a cache that cannot be read or written is as good as none.
    """
    patterns, wanted = tuple(only), tuple(platforms)
    place = None
    if cache is not None:
        found = fingerprint(source, lock=lock, platforms=wanted, snapshot_id=snapshot_id)
        place = cache / "plans" / f"{found}.json"
    plan = _read(place, source) if place else None
    if plan is None:
        plan = _made(source, lock, wanted, snapshot_id, cache)
        if place:
            _keep(place, dump(plan))
    if patterns:
        from ..selection import select

        return select(plan, patterns)
    return plan


def _made(
    source: Source,
    lock: Lock | None,
    platforms: tuple[Platform, ...],
    snapshot_id: str | None,
    cache: Path | None,
) -> Plan:
    from pipeline.catalogue.templating.bytecode import KeptBytecode

    from ..make import make_plan

    bytecode = KeptBytecode(cache / "templates") if cache else None
    return make_plan(source, lock=lock, platforms=platforms, snapshot_id=snapshot_id, bytecode=bytecode)


def _read(place: Path, source: Source) -> Plan | None:
    try:
        return load(place.read_bytes(), source)
    except (OSError, ValueError):
        return None


def _keep(place: Path, content: bytes) -> None:
    try:
        replace_file(place, content, mode=0o600)
        kept = sorted(place.parent.glob("*.json"), key=lambda p: p.stat().st_mtime_ns)
        for old in kept[:-_KEEP]:
            old.unlink(missing_ok=True)
    except OSError:
        return
