"""From options and the machine to a workshop: the catalogue, the lock, the commit, the keys, the limits."""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.catalogue import Plan, lock_of, make_plan, read_source, select
from pipeline.config import Lock
from pipeline.engine.session import Connection
from pipeline.errors import UsageError
from pipeline.model import Mirrors, Platform
from pipeline.registry import Access, Registry
from pipeline.run import LazyEngine, Limits, Workshop

from .revision import read_revision
from .signing import signing
from .site import LockFile

ENGINE_VERSION = "v0.21.8"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run happens: the embedded registry, mirrors, folders, and how to wake the engine."""

    host: str
    mirrors: Mirrors
    data: Path
    cache: Path
    lock: LockFile
    wake: Callable[[], Awaitable[Connection]]


def read_plan(options: argparse.Namespace, lock: Lock | None) -> Plan:
    """The plan that the options ask for. Raises ConfigError, UsageError."""
    source = read_source(options.root)
    chosen = lock if lock is not None else lock_of(source)
    plan = make_plan(
        source, lock=chosen, only=options.targets, platforms=platforms(options), engine=ENGINE_VERSION
    )
    return select(plan, options.only, dependencies=True) if options.only else plan


def platforms(options: argparse.Namespace) -> list[Platform]:
    """The platforms named on the command line. Raises UsageError."""
    try:
        return [Platform.parse(text) for text in options.platform]
    except ValueError as fault:
        raise UsageError(str(fault)) from None


@asynccontextmanager
async def workshop(
    options: argparse.Namespace,
    place: Place,
    report: Callable[[str, str, str], None],
    environment: Mapping[str, str] = os.environ,
) -> AsyncIterator[Workshop]:
    """A workshop for the plan of the options; a lock is written first where there is none."""
    async with Registry(Access()) as registry, LazyEngine(place.wake) as engine:
        lock = await place.lock.ensure(read_plan(options, None), registry, place.mirrors, report)
        yield Workshop(
            plan=read_plan(options, lock),
            registry=registry,
            engine=engine,
            host=place.host,
            mirrors=place.mirrors,
            signing=signing(environment, place.data),
            revision=read_revision(options.root, environment),
            today=datetime.now(UTC).date(),
            contexts=place.cache / "contexts",
            cache=place.cache,
            limits=Limits.of(options.jobs or max(2, os.cpu_count() or 2)),
            report=report,
            fresh=options.fresh,
        )
