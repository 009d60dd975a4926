"""What the lock pins compared with what registries have: tags that moved, and newer tags of the same kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pipeline.model import Digest, Mirrors, Reference, Repository
from pipeline.policy.newer_tags import newer_tags
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.config import Lock
    from pipeline.registry import Registry

State = Literal["current", "moved", "gone", "not locked"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One base or tool: the digest in the lock, the digest its tag has now, and newer tags, highest first."""

    reference: Reference
    locked: Digest | None
    now: Digest | None
    newer: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """How the lock's digest compares with the registry's."""
        if self.now is None:
            return "gone"
        if self.locked is None:
            return "not locked"
        return "current" if self.locked == self.now else "moved"

    @property
    def outdated(self) -> bool:
        """Whether there is anything to do."""
        return self.state != "current" or bool(self.newer)

    def to_json(self) -> dict[str, Any]:
        """The comparison as data."""
        return {
            "reference": str(self.reference),
            "state": self.state,
            "locked": str(self.locked) if self.locked else None,
            "now": str(self.now) if self.now else None,
            "newer": list(self.newer),
        }


async def compare(
    registry: Registry,
    mirrors: Mirrors,
    references: tuple[Reference, ...],
    lock: Lock | None,
    *,
    newer: bool = False,
) -> list[Compared]:
    """Every reference in the order given: one HEAD each, and with `newer` one list of tags for each repository.

    Raises RegistryError for a registry that does not answer.
    """
    tags = await _tags(registry, mirrors, references) if newer else {}

    async def compared(reference: Reference) -> Compared:
        descriptor = await registry.head(mirrors.locate(reference))
        return Compared(
            reference,
            lock.digest(reference) if lock else None,
            descriptor.digest if descriptor else None,
            newer_tags(reference.tag or "latest", tags.get(reference.repository, ())),
        )

    return await each(compared, references)


async def _tags(
    registry: Registry, mirrors: Mirrors, references: tuple[Reference, ...]
) -> Mapping[Repository, list[str]]:
    """The tags of each repository, listed once."""
    by_repository = {r.repository: r for r in references}

    async def tags(reference: Reference) -> list[str]:
        return await registry.tags(mirrors.locate(reference).repository)

    return dict(zip(by_repository, await each(tags, by_repository.values()), strict=True))
