"""The plan of a folder: read from the cache if nothing has changed since an earlier command, otherwise computed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pipeline.catalogue.source import Source
from pipeline.config import Lock
from pipeline.errors import EnvironmentProblem
from pipeline.model import Platform
from pipeline.util.files import read_file
from pipeline.util.private_folder import private_folder
from pipeline.util.rooted import Folder

from ..plan import Plan
from .encoding import dump, load
from .fingerprint import fingerprint

_KEEP = 32
_DIGEST = hashlib.sha256().digest_size  # of the content, before it: a file may be cut, or changed on the disk


def plan_of(
    source: Source,
    *,
    cache: Path | None = None,
    lock: Lock | None = None,
    only: Iterable[str] = (),
    platforms: Iterable[Platform] = (),
    snapshot_id: str | None = None,
) -> Plan:
    """Like `make_plan`, but stores the plan and its compiled templates below the folder `cache` for later commands.

    Raises what `make_plan` raises; a cache that cannot be read or written is ignored.
    """
    patterns, chosen = tuple(only), tuple(platforms)
    path = None
    if cache is not None:
        name = fingerprint(source, lock=lock, platforms=chosen, snapshot_id=snapshot_id)
        path = cache / "plans" / f"{name}.json"
    plan = _read(path, source) if path else None
    if plan is None:
        plan = _make(source, lock, chosen, snapshot_id, cache)
        if path:
            _store(path, dump(plan))
    if patterns:
        from ..selection import select

        return select(plan, patterns)
    return plan


def _make(
    source: Source,
    lock: Lock | None,
    platforms: tuple[Platform, ...],
    snapshot_id: str | None,
    cache: Path | None,
) -> Plan:
    from pipeline.catalogue.templating.bytecode import StoredBytecode

    from ..make import make_plan

    root = str(source.root.absolute()) if source.root else ""
    bytecode = StoredBytecode(cache / "templates", root) if cache else None
    try:
        return make_plan(source, lock=lock, platforms=platforms, snapshot_id=snapshot_id, bytecode=bytecode)
    finally:
        if bytecode:
            bytecode.store()


def _read(path: Path, source: Source) -> Plan | None:
    try:
        stored = read_file(path)
        digest, content = stored[:_DIGEST], stored[_DIGEST:]
        return load(content, source) if hashlib.sha256(content).digest() == digest else None
    except (OSError, ValueError):
        return None


def _store(path: Path, content: bytes) -> None:
    try:
        private_folder(path.parent)
        with Folder.at(path.parent) as folder:
            folder.replace(path.name, hashlib.sha256(content).digest() + content, mode=0o600)
            stored = [(info.st_mtime_ns, name) for name, info in folder.entries().items()]
            for _, old in sorted(entry for entry in stored if entry[1].endswith(".json"))[:-_KEEP]:
                folder.remove(old)
    except (OSError, EnvironmentProblem):
        return
