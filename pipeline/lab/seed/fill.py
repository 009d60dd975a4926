"""Fill the mirror: make what the cache does not hold, push what the registry does not hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

import anyio

from pipeline.errors import UsageError
from pipeline.lab import recipes
from pipeline.lab.settings import Report, Settings, quiet
from pipeline.model import Platform, Reference

from . import base, database, store, tools
from .site import Seeded, Site

if TYPE_CHECKING:
    from pipeline.registry import Registry


def needed() -> tuple[str, ...]:
    """The official references that `seed` can stand in for."""
    return (base.REFERENCE, database.REFERENCE, *(image.reference for image in tools.TOOL_IMAGES))


async def seed(
    settings: Settings, registry_host: str, report: Report = quiet, *, only: Collection[str] | None = None
) -> Site:
    """Put every stand-in that is missing into the registry, and say what lies there.

    `registry_host` is a host with port, `localhost:5000`; `only` limits the work to some of `needed()`. What is
    there already costs one HEAD. Raises `EnvironmentProblem` if something cannot be made, `RegistryError` if it
    cannot be pushed, `UsageError` for a reference that has no stand-in.
    """
    from pipeline.registry import Registry

    if unknown := set(only or ()) - set(needed()):
        raise UsageError(
            f"the lab has no stand-in for {', '.join(sorted(unknown))}", hint=f"it has {', '.join(needed())}"
        )
    before = Site.read(settings.data)
    if before is None or before.registry != registry_host:
        before = Site(registry_host)
    items = [item for item in _items(settings, report) if only is None or str(item.reference) in only]
    results: dict[str, Seeded] = {}
    async with Registry() as registry:
        mirror = _Mirror(before, registry, settings, report)
        left = [item for item, one in zip(items, await _each(mirror.look, items), strict=True) if one is None]
'''
