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
from pipeline.util.rooted import RootedFolder

from ..plan import Plan
from .encoding import dump, dump_parts, load, load_parts
from .fingerprint import Fingerprint, fingerprint
from .parts import PlanParts

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
    if cache is None:
        from ..make import make_plan

        plan = make_plan(source, lock=lock, platforms=chosen, snapshot_id=snapshot_id)
    else:
        name = fingerprint(source, lock=lock, platforms=chosen, snapshot_id=snapshot_id)
        plan = _stored_or_made(source, cache, name, lock, chosen, snapshot_id)
    if patterns:
        from ..selection import select

        return select(plan, patterns)
    return plan


def _stored_or_made(
    source: Source,
    cache: Path,
    name: Fingerprint,
    lock: Lock | None,
    platforms: tuple[Platform, ...],
    snapshot_id: str | None,
) -> Plan:
    path = cache / "plans" / f"{name}.json"
    content = _read(path)
    plan = _loaded(content, source) if content is not None else None
    if plan is not None:
        return plan
    from pipeline.catalogue.templating.bytecode import StoredBytecode

    from ..make import PlanParameters, make_parts

    partial = bool(platforms) or snapshot_id is not None  # it lacks names of the catalogue
    earlier = None if partial else _earlier(path.parent, name)
    bytecode = StoredBytecode(cache / "templates", str(source.root.absolute()) if source.root else "")
    try:
        made = make_parts(source, PlanParameters(lock, platforms, snapshot_id, bytecode), earlier)
    finally:
        if not (earlier and earlier.parts):
            bytecode.store()  # of few templates, it would remove the others
    _store(path, dump(made.plan) if partial else dump_parts(made, name.digests))
    return made.plan


def _earlier(folder: Path, name: Fingerprint) -> PlanParts | None:
    """The latest stored plan with the same lockage.yml, lock and options, if it can be read."""
    try:
        with RootedFolder.at(folder) as opened:
            stored = [
                (info.st_mtime_ns, entry)
                for entry, info in opened.entries().items()
                if entry.startswith(f"{name.common}-") and entry.endswith(".json")
            ]
    except (OSError, EnvironmentProblem):
        return None
    content = _read(folder / max(stored)[1]) if stored else None
    if content is None:
        return None
    try:
        return load_parts(content, name.digests)
    except ValueError:
        return None


def _read(path: Path) -> bytes | None:
    """What was stored, if it can be read and was not changed."""
    try:
        stored = read_file(path)
    except (OSError, ValueError):
        return None
    digest, content = stored[:_DIGEST], stored[_DIGEST:]
    return content if hashlib.sha256(content).digest() == digest else None


def _loaded(content: bytes, source: Source) -> Plan | None:
    try:
        return load(content, source)
    except ValueError:
        return None


def _store(path: Path, content: bytes) -> None:
    try:
        private_folder(path.parent)
        with RootedFolder.at(path.parent) as folder:
            folder.replace(path.name, hashlib.sha256(content).digest() + content, mode=0o600)
            stored = [(info.st_mtime_ns, name) for name, info in folder.entries().items()]
            for _, old in sorted(entry for entry in stored if entry[1].endswith(".json"))[:-_KEEP]:
                folder.remove(old)
    except (OSError, EnvironmentProblem):
        return
