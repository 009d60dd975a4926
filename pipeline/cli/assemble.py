"""From options and the machine to a workshop: the catalogue, the lock, the commit, the keys, the limits."""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pipeline.catalogue import plan_of, read_source, select
from pipeline.errors import UsageError
from pipeline.lab.recipes import ENGINE_VERSION
from pipeline.lab.settings import Settings

if TYPE_CHECKING:
    from pipeline.catalogue import Plan
    from pipeline.config import Lock
    from pipeline.model import Platform
    from pipeline.registry import Access
    from pipeline.run import Workshop

    from .place import Place
    from .progress import Progress


def read_plan(options: argparse.Namespace, lock: Lock | None) -> Plan:
    """The plan that the options ask for. Raises ConfigError, UsageError."""
    plan = plan_of(
        read_source(options.root),
        cache=Settings.from_env(os.environ).cache / "plans",
        lock=lock,
        only=options.targets,
        platforms=platforms(options),
        engine=f"v{ENGINE_VERSION}",
    )
    return select(plan, options.only) if options.only else plan


def local_lock(options: argparse.Namespace) -> Lock | None:
    """The lock in force as far as the disk knows."""
    from .place import known_lock

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
    from pipeline.registry import Access

    return Access.from_docker_config(None, os.environ)


@asynccontextmanager
async def workshop(options: argparse.Namespace, place: Place, report: Progress) -> AsyncIterator[Workshop]:
    """A workshop for the plan of the options; a lock is written first where there is none."""
    from datetime import UTC, datetime

    from pipeline.registry import Registry
    from pipeline.run import LazyEngine, Limits, Workshop

    from .revision import read_revision
    from .signing import signing

    async with Registry(access()) as registry, LazyEngine(place.wake) as engine:
        lock = await place.lock.ensure(read_plan(options, place.lock.read()), registry, place.mirrors, report)
        yield Workshop(
            plan=read_plan(options, lock),
            registry=registry,
            engine=engine,
            host=place.host,
            mirrors=place.mirrors,
            signing=signing(os.environ, place.data),
            revision=read_revision(options.root, os.environ),
            today=datetime.now(UTC).date(),
            contexts=place.cache / "contexts",
            cache=place.cache,
            limits=Limits.of(options.jobs or max(2, os.cpu_count() or 2)),
            report=report,
            fresh=options.fresh,
        )
