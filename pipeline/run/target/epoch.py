"""The time of everything that a build makes, chosen so that it depends on what goes in and not on when it was built.

BuildKit sets times later than SOURCE_DATE_EPOCH to it, and leaves earlier ones. A step that comes from a cache may have
run long ago: under the commit's time, what it made would keep its own time, and a cold build of the same commit would
give another digest. So the epoch is a moment that no step of this build can have run before: the one at which the
oldest of its bases was made. (SOURCE_DATE_EPOCH in the environment is taken as it is.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.model import Digest, Platform, Reference
from pipeline.model.manifest import load_json
from pipeline.util.timestamps import parse_timestamp

from .inputs import images

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.registry import Registry

    from ..context import RunContext

FIRST = 1_793_491_200
"""1 November 2026, in seconds since 1970: no build by BuildKit is older than this program's use of it. It stands for
bases that say nothing of their age, and must never be changed: digests rest on it."""
_LAST = 4_102_444_800  # the year 2100: a base that says it was made later says nothing of its age


class Epochs:
    """The epochs of a run's targets; each base is looked at once."""

    def __init__(self, given: int | None = None) -> None:
        self._given = given
        self._known: dict[tuple[Reference, Platform], int] = {}

    async def of(self, context: RunContext, target: Target, bases: Mapping[str, Digest]) -> int:
        """The epoch of a target on these bases (seconds since 1970); raises RegistryError."""
        if self._given is not None:
            return self._given
        moments = []
        for base in target.bases:
            if base.target_id:
                reference = context.builds.at(bases[base.target_id])
            elif base.reference:
                reference = context.mirrors.locate(base.reference).by_digest
            else:
                continue
            moments.append(await self._made(context, reference, base.on or target.platform))
        moments += [await self._made(context, one, target.platform) for one in images(context, target, bases)]
        return min(moments, default=FIRST)

    async def _made(self, context: RunContext, reference: Reference, platform: Platform) -> int:
        where = (reference, platform)
        if where not in self._known:
            created = await image_created(context.registry, reference, platform)
            self._known[where] = created if FIRST <= created < _LAST else FIRST
        return self._known[where]


async def image_created(registry: Registry, reference: Reference, platform: Platform) -> int:
    """When an image was created by its own configuration (image-spec v1.1, config.md); 0 where it does not say."""
    manifest = await registry.get_manifest(reference)
    if manifest is not None and manifest.is_index:
        ordered = sorted(manifest.children, key=lambda child: child.platform != platform)
        child = reference.repository.at(ordered[0].digest) if ordered else None
        manifest = await registry.get_manifest(child) if child else None
    if manifest is None or manifest.config is None:
        return 0
    try:
        data = load_json(await registry.blob(reference.repository, manifest.config))
        return parse_timestamp(str(data["created"]))
    except (ValueError, KeyError, TypeError, OverflowError):
        return 0
