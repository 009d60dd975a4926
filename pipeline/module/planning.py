"""The plan of a call; what the lock does not pin is resolved in the registries in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.config import Lock
from pipeline.config.lock import LOCK_NAME
from pipeline.plan.locked import require_locked
from pipeline.run.lock import resolve, wanted

from .access import parse_mirrors, registries
from .catalogue import read_catalogue

if TYPE_CHECKING:
    from pipeline.model import Mirrors, Reference
    from pipeline.plan import Plan
    from pipeline.registry import Registry

    from .argument_values import ModuleArguments, Selection


async def planned(given: ModuleArguments, selection: Selection) -> Plan:
    """The plan of a selection. Only what is not locked is requested, so a plan needs neither keys nor git.

    Raises UsageError for arguments that do not go together, and whatever making a plan raises.
    """
    catalogue, mirrors = await read_catalogue(given, selection), parse_mirrors(given.mirrors)
    plan = catalogue.plan(catalogue.lock)
    if given.locked:
        require_locked(plan, LOCK_NAME)
    if not _missing(catalogue.lock, plan):
        return plan
    from pipeline.registry import Registry

    reached = await registries(given, plan)
    async with Registry(reached.access) as registry:
        return catalogue.plan(await complete(catalogue.lock, plan, registry, mirrors))


async def complete(lock: Lock | None, plan: Plan, registry: Registry, mirrors: Mirrors) -> Lock:
    """A lock with everything that a plan needs. Raises RegistryError."""
    fallbacks = plan.project.fallbacks(embedded="")
    resolved = await resolve(registry, mirrors, _missing(lock, plan), fallbacks)
    return Lock.of((dict(lock.images) if lock else {}) | dict(resolved.images))


def _missing(lock: Lock | None, plan: Plan) -> tuple[Reference, ...]:
    return tuple(reference for reference in wanted(plan) if lock is None or reference not in lock.images)
