"""What a plan needs pinned, and the digests that the registries in force have for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.config import Lock
from pipeline.errors import RegistryError
from pipeline.model import Digest, Mirrors, Reference
from pipeline.util.concurrency import each

if TYPE_CHECKING:
    from pipeline.plan import Plan
    from pipeline.registry import Registry


def wanted(plan: Plan) -> tuple[Reference, ...]:
    """Every reference that a lock for this plan must pin: external bases that are not pinned, and tools."""
    bases = [r for t in plan.targets for r in t.external_bases]
    return tuple(
        dict.fromkeys(Reference(r.repository, r.tag) for r in (*bases, *plan.tools.values()) if r.tag)
    )


async def resolve(registry: Registry, mirrors: Mirrors, references: tuple[Reference, ...]) -> Lock:
    """Ask the registries in force for the digest of each reference; one HEAD each.

    Raises RegistryError for the first that is not there.
    """

    async def one(reference: Reference) -> tuple[Reference, Digest]:
        descriptor = await registry.head(mirrors.locate(reference))
        if descriptor is None:
            raise RegistryError(
                f"{reference.familiar} is not at {mirrors.locate(reference)}",
                hint="check the name in lockage.yml, and the mirror if there is one (`lockage status`)",
            )
        return reference, descriptor.digest

    return Lock.of(dict(await each(one, references)))
