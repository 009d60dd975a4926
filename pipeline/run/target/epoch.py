"""The epoch of a build, chosen so that it depends on the inputs and not on the time of the build.

BuildKit sets times later than SOURCE_DATE_EPOCH to it and leaves earlier ones. A cached step may have run long ago:
with the commit's time as the epoch, its files would keep their own times, and a cold build of the same commit would
give another digest. So the epoch is a moment before which no step of this build can have run: the creation of the
oldest of its bases. (SOURCE_DATE_EPOCH in the environment is used as it is.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Platform, Reference
from pipeline.registry.platform_image import read_config
from pipeline.util.json.values import as_text
from pipeline.util.timestamps import parse_timestamp

from .inputs import BaseImages, context_images

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.registry.platform_image import ImageReader

FIRST = 1_793_491_200
"""1 November 2026, in seconds since 1970: no build by BuildKit is older than this program's use of it. It stands for
bases without a creation time, and must never change: digests depend on it."""
_LAST = 4_102_444_800  # the year 2100: a later creation time counts as none


async def build_epoch(
    reader: ImageReader, target: Target, bases: BaseImages, given: int | None = None
) -> int:
    """The epoch of a target on these bases, in seconds since 1970: the one given, if any. Raises RegistryError."""
    if given is not None:
        return given
    images: list[tuple[Reference, Platform]] = []
    for base in target.bases:
        if base.target_id:
            images.append((bases.internal(base.target_id), base.on or target.platform))
        elif base.reference:
            images.append((bases.external(base.reference), base.on or target.platform))
    images += [(image, target.platform) for image in context_images(target, bases)]
    created = [await image_created(reader, reference, platform) for reference, platform in images]
    return min((moment if FIRST <= moment < _LAST else FIRST for moment in created), default=FIRST)


async def image_created(reader: ImageReader, reference: Reference, platform: Platform) -> int:
    """When an image was created according to its configuration (image-spec v1.1, config.md), in seconds since 1970; 0
    where that does not say."""
    manifest = await reader.get_manifest(reference)
    if manifest is not None and manifest.is_index:
        ordered = sorted(manifest.children, key=lambda child: child.platform != platform)
        child = reference.repository.at(ordered[0].digest) if ordered else None
        manifest = await reader.get_manifest(child) if child else None
    if manifest is None:
        return 0
    config = await read_config(reader, reference.repository, manifest)
    try:
        return parse_timestamp(as_text(config.get("created")))
    except ValueError:
        return 0
