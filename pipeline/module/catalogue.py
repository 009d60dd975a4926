"""The catalogue of a call: lockage.yml and images/ in the source, and the part of the plan that the call is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.catalogue import read_source
from pipeline.catalogue.source import lock_of
from pipeline.config import read_lock
from pipeline.engine.head import tree_of
from pipeline.errors import UsageError
from pipeline.model import Platform
from pipeline.plan import affected_since, matching, plan_of, restricted, select
from pipeline.plan.shards import shard
from pipeline.util.dataclass import dataclass
from pipeline.util.shard import parse_shard

from .argument_values import Selection

if TYPE_CHECKING:
    import dagger

    from pipeline.catalogue import Source
    from pipeline.catalogue.source import SourceFile
    from pipeline.config import Lock
    from pipeline.plan import Plan, Target

    from .argument_values import ModuleArguments

_PATHS = ("lockage.yml", "lockage.lock", "images")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The source and its lock, `before` at the commit of `--affected`, and what is selected of its plan."""

    source: Source
    lock: Lock | None
    before: Source | None
    targets: tuple[str, ...]
    platforms: tuple[Platform, ...]
    shard: tuple[int, int] | None
    snapshot_id: str | None

    def plan(self, lock: Lock | None) -> Plan:
        """The selected part of the plan, with all its bases. Raises ConfigError, UsageError."""
        plan = plan_of(self.source, lock=lock, platforms=self.platforms, snapshot_id=self.snapshot_id)
        if self.before is not None:
            impact = affected_since(plan_of(self.source, lock=lock), _differences(self.before, self.source))
            affected = {target.id for target in impact.affected}
            named = matching(plan, self.targets) if self.targets else [t.id for t in plan.targets]
            plan = restricted(plan, affected.intersection(named))
        elif self.targets:
            plan = select(plan, self.targets)
        return restricted(plan, shard(plan, *self.shard)) if self.shard else plan

    def everything(self) -> Plan:
        """The plan of the whole catalogue, without a lock."""
        return plan_of(self.source)

    def whole(self, lock: Lock | None) -> dict[str, tuple[Target, ...]]:
        """All targets of each `image:tag` where the plan may leave some to another run; else nothing."""
        leaves_out = self.platforms or self.shard or self.before or self.targets
        return dict(plan_of(self.source, lock=lock).groups()) if leaves_out else {}


async def read_catalogue(given: ModuleArguments, selection: Selection | None = None) -> Catalogue:
    """Export lockage.yml, the lock and images/ to this function's disk, and read them. Raises ConfigError, UsageError.

    Where there are mirrors, the lock of the source is not in force: it has the digests of what they stand in for.
    """
    chosen = selection or Selection()
    source = await _read(given, given.source, "source")
    lock = None
    if given.lock_file is not None:
        lock = read_lock((await given.lock_file.contents()).encode(), "--lock-file")
    elif not given.mirrors:
        lock = lock_of(source)
    return Catalogue(
        source,
        lock,
        await _before(given),
        tuple(chosen.targets),
        _platforms(chosen.platforms),
        shard_of(given.shard),
        given.snapshot_id or None,
    )


async def _read(given: ModuleArguments, folder: dagger.Directory, name: str) -> Source:
    path = Path.cwd() / name
    files = given.client.directory().with_directory(".", folder, include=list(_PATHS))
    await files.export(str(path))
    return read_source(path)


async def _before(given: ModuleArguments) -> Source | None:
    if not given.affected:
        return None
    tree = await tree_of(given.source, given.affected)
    if tree is None:
        raise UsageError(
            f"{given.affected!r} is no commit, branch or tag of the source",
            hint="--source needs its .git with that commit (git fetch --depth=1 origin COMMIT)",
        )
    return await _read(given, tree, "before")


def _differences(before: Source, now: Source) -> dict[str, SourceFile | None]:
    """The earlier entry of every path that differs, None where there was nothing; folders are in no commit."""
    paths = [p for p in {*before.files, *now.files} if _entry(before, p) != _entry(now, p)]
    return {path: _entry(before, path) for path in sorted(paths)}


def _entry(source: Source, path: str) -> SourceFile | None:
    """A file or link as git keeps it: of its mode only whether it is executable."""
    entry = source.get(path)
    if entry is None or entry.kind == "dir":
        return None
    return replace(entry, mode=0o755 if entry.mode & 0o111 else 0o644)


def _platforms(texts: Sequence[str]) -> tuple[Platform, ...]:
    try:
        return tuple(Platform.parse(text) for text in texts)
    except ValueError as fault:
        raise UsageError(str(fault)) from None


def shard_of(text: str) -> tuple[int, int] | None:
    """Part and number of parts from `I/N`; None for an empty text. Raises UsageError."""
    try:
        return parse_shard(text) if text else None
    except ValueError as fault:
        raise UsageError(f"--shard {fault}", hint="--shard 1/4") from None
