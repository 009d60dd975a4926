"""From options and the machine to a workshop: the catalogue, the lock, the commit, the keys, the limits."""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from pipeline.catalogue import read_source
from pipeline.errors import ConfigError, Problem, UsageError
from pipeline.lab.settings import LabSettings
from pipeline.plan import plan_of, select

from .annotations import tell_warnings

if TYPE_CHECKING:
    from pipeline.config import Lock
    from pipeline.model import Platform
    from pipeline.plan import Plan
    from pipeline.registry import Access
    from pipeline.run import RunContext, Stage

    from .instance_session import InstanceSession
    from .lock_file import LockFile
    from .progress import Progress


def read_plan(options: argparse.Namespace, lock: Lock | None) -> Plan:
    """The plan that the options ask for. Raises ConfigError (also for `--locked` and a lock that is not
    complete), UsageError."""
    cache = LabSettings.from_env(os.environ).cache
    whole = partial(plan_of, read_source(options.root), cache=cache, lock=lock)
    plan = whole(only=options.targets, platforms=platforms(options), snapshot_id=options.snapshot_id)
    if options.only:
        plan = select(plan, options.only)
    if options.affected is not None or options.changed_files_from is not None:
        from .affected import narrowed

        alone = options.targets or options.only or options.platform or options.snapshot_id
        plan = narrowed(options, plan, whole if alone else lambda: plan)
    if options.shard:
        from pipeline.plan.shards import shard

        plan = replace(plan, targets=()) if not (ids := shard(plan, *options.shard)) else select(plan, ids)
    if options.locked and plan.unlocked:
        _refuse_unlocked(plan, options)
    tell_warnings(plan, options)
    return plan


def _refuse_unlocked(plan: Plan, options: argparse.Namespace) -> NoReturn:
    from .instance_session import known_lock

    path = str(known_lock(options).path)
    raise ConfigError(
        [Problem(path, 0, 0, f"images[{str(r)!r}]", "is not locked") for r in plan.unlocked],
        hint="`lockage lock` pins them; --locked never does",
    )


def whole_plan(options: argparse.Namespace, lock: Lock | None) -> Plan:
    """The plan of the whole catalogue, whatever the options leave to other runs."""
    return plan_of(
        read_source(options.root),
        cache=LabSettings.from_env(os.environ).cache,
        lock=lock,
        snapshot_id=options.snapshot_id,
    )


def whole_platforms(options: argparse.Namespace, lock: Lock | None) -> dict[str, frozenset[Platform]]:
    """All platforms of each `image:tag`, where the options may have left some of them to another run; else nothing."""
    if not _narrows(options):
        return {}
    groups = whole_plan(options, lock).groups()
    return {name: frozenset(t.platform for t in targets) for name, targets in groups}


def _narrows(options: argparse.Namespace) -> bool:
    """Whether the options choose single targets rather than whole image tags."""
    chosen = (options.platform, options.only, options.shard, options.affected, options.changed_files_from)
    return any(chosen) or any("/" in name for name in options.targets)


def local_lock(options: argparse.Namespace) -> Lock | None:
    """The lock in force as far as the disk knows."""
    from .instance_session import known_lock

    return known_lock(options).read()


def platforms(options: argparse.Namespace) -> list[Platform]:
    """The platforms named on the command line. Raises UsageError."""
    from pipeline.model import Platform

    try:
        return [Platform.parse(text) for text in options.platform]
    except ValueError as fault:
        raise UsageError(str(fault)) from None


def access() -> Access:
    """How registries are reached: Docker's configuration, credential helpers, what CI sets."""
    from pipeline.registry import access_from_environ

    return access_from_environ(os.environ)


@asynccontextmanager
async def run_context(
    options: argparse.Namespace,
    place: InstanceSession,
    report: Progress,
    until: Stage | None = None,
    *,
    keys: bool = False,
) -> AsyncIterator[RunContext]:
    """A workshop for the plan of the options; a lock is written first where it is missing something,
    unless `--locked` forbids that. `until` is the last stage of a run, None when nothing is built; with `keys` the
    keys are those that a run would have.
    """
    from datetime import UTC, datetime

    from pipeline.engine.buildkit.cache import VARIABLES
    from pipeline.engine.buildkit.config import PATIENCE
    from pipeline.registry import Registry
    from pipeline.run import RunContext, RunLimits, Stage
    from pipeline.run.context import CacheSite

    from .engines import engines
    from .instance_session import seconds
    from .revision import main_line, read_epoch, read_revision
    from .secrets import HostSecrets
    from .signing_key import signing

    if options.locked and options.pull:
        raise UsageError("--pull looks for newer bases, --locked forbids them", hint="leave out one of them")
    async with Registry(access()) as registry, engines(options, place) as hands:
        plan = read_plan(options, place.lock.read())
        context = RunContext(
            plan=plan,
            registry=registry,
            engine=hands.default,
            others=hands.by_platform,
            host=place.host,
            mirrors=place.mirrors,
            signing=signing(os.environ, place.data),
            revision=read_revision(options.root, os.environ),
            today=datetime.now(UTC).date(),
            contexts=place.cache / "contexts",
            cache=place.cache,
            limits=RunLimits.of(
                options.jobs or max(2, os.cpu_count() or 2), seconds("LOCKAGE_BUILDER_LIMIT", PATIENCE)
            ),
            report=report,
            fresh=options.fresh,
            source_date_epoch=read_epoch(os.environ),
            secrets=HostSecrets(os.environ, options.root),
            caches=CacheSite(
                options.root.absolute(),
                main_line(os.environ),
                {name: value for name in VARIABLES if (value := os.environ.get(name))},
            ),
        )
        if not options.locked:
            lock_file = place.lock
            if place.lab and (keys or until is not None):
                lock_file = await _stand_ins(options, place, context, until)
            lock = await lock_file.ensure(plan, registry, place.mirrors, report, pull=options.pull)
            context = replace(context, plan=read_plan(options, lock))
        if until is not None and until.number >= Stage.PUSH.number:
            context = replace(context, whole=whole_platforms(options, place.lock.read()))
        yield context


async def _stand_ins(
    options: argparse.Namespace, place: InstanceSession, context: RunContext, until: Stage | None
) -> LockFile:
    """The lock once the lab's base is there for all platforms of the catalogue: like its publisher's, it is the same
    for a run that leaves some of them to others."""
    from pipeline.run.platforms import refuse_impossible

    narrow = _narrows(options) or options.targets
    targets = (whole_plan(options, place.lock.read()) if narrow else context.plan).targets
    wanted = {base.on or t.platform for t in targets for base in t.bases if base.reference}
    wanted |= {t.platform for t in targets if t.external}

    async def possible() -> None:
        # Where even the base is not there for a platform, nothing that stands on it can be.
        if until is not None:
            await refuse_impossible(context, until, _unknown)

    return await place.stand_ins(wanted, possible)


async def _unknown(key: str) -> None:
    return None
