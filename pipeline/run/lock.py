"""What a plan needs pinned, and the digests that the registries in force have for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.config import Lock
from pipeline.errors import RegistryError
from pipeline.model import Digest, Fallbacks, Mirrors, Reference
from pipeline.registry.fallback import first_found
from pipeline.util.concurrency import each

if TYPE_CHECKING:
    from pipeline.plan import Plan
    from pipeline.registry import Registry


def wanted(plan: Plan) -> tuple[Reference, ...]:
    """Every reference that a lock for this plan must pin: external bases that are not pinned, and tools."""
    bases = [reference for target in plan.targets for reference in target.external_bases]
    references = (*bases, *plan.tools.values())
    return tuple(dict.fromkeys(Reference(r.repository, r.tag) for r in references if r.tag))


async def resolve(
    registry: Registry, mirrors: Mirrors, references: Sequence[Reference], fallbacks: Fallbacks
) -> Lock:
    """Resolve each reference in the registries in force, by one HEAD; one of the project's registry in its fallbacks,
    where that fails. Raises RegistryError for the first that does not exist."""

    async def digest(reference: Reference) -> Digest:
        located = await first_found(fallbacks, mirrors.locate(reference), registry.head)
        if located is None:
            raise RegistryError(
                f"{reference.familiar} does not exist at {mirrors.locate(reference)}",
                hint="check the name in lockage.yml, and the mirror if there is one (`lockage status`)",
            )
        return located[1].digest

    return Lock.of(dict(zip(references, await each(digest, references), strict=True)))
