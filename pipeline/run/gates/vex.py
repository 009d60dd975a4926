"""VEX that is attested on a target's image where it is published: on the platform, and on the index that lists it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, RegistryError
from pipeline.policy import VexEvidence
from pipeline.state.records import Records
from pipeline.state.vex import attested_vex
from pipeline.util.concurrency import each

from ..image_cache import ImageCache
from ..publish.push import Pushed, build_index

if TYPE_CHECKING:
    from pipeline.model import Digest
    from pipeline.plan import Target

    from ..context import RunContext


class AttestedVex:
    """VEX documents attested in the first environment; of the index, whatever tags it has, by the targets' records."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._groups = {**dict(context.plan.groups()), **context.whole}
        self._images = ImageCache(context.registry)
        self._records: Records | None = None

    async def of(self, target: Target, digest: Digest) -> VexEvidence:
        """What VEX says of a target's image. Nothing is attested where no key can be read. Raises RegistryError."""
        context = self._context
        subject = context.subject(target.image, digest)
        try:
            key = context.publishing_key
            index = await self._index(target, digest)
        except ConfigError:
            return VexEvidence(subject)
        subject = replace(subject, digests=subject.digests | ({str(index)} if index else set()))
        repository = context.repository(context.plan.project.environments[0], target.image)
        digests = [digest, index] if index else [digest]
        return await attested_vex(context.registry, repository, digests, key, subject)

    async def _index(self, target: Target, digest: Digest) -> Digest | None:
        """The index that a run publishes of the image tag; None while one of its platforms is unknown."""
        group = self._groups[target.name]
        pushed = await each(self._pushed, group)
        platforms = [one for one in pushed if one]
        if len(platforms) < len(group) or digest not in {one.digest for one in platforms}:
            return None
        try:
            index = await build_index(self._images, self._context.home(digest), platforms)
        except RegistryError:
            return None  # a platform is gone, or in another repository: no run published these together
        return index.descriptor.digest

    async def _pushed(self, target: Target) -> Pushed | None:
        context = self._context
        if self._records is None:
            targets = [t for group in self._groups.values() for t in group]
            self._records = Records(context.store(), targets, upstream=context.upstream)
        record = await self._records.find(target.key) if target.key else None
        return Pushed(target.platform, record.digest, record.attestations) if record else None
