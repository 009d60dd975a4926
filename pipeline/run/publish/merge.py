"""Platforms that different runs pushed become one index: by digest first, tags last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.model import Descriptor, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.oci.index import make_index
from pipeline.registry.platform_image import PlatformImage

from .promotion import TagMove, perform, plan_promotion

if TYPE_CHECKING:
    from pipeline.registry import Registry


async def merge(
    registry: Registry, destination: Repository, children: Sequence[PlatformImage], tags: Sequence[str]
) -> tuple[Descriptor, tuple[TagMove, ...]]:
    """Write the index of these children and move tags to it; gives the index and the moves that were made.

    The children are exactly the digests that were pushed, with BuildKit's attestations. A rerun finds everything up to
    date and writes nothing.
    """
    attestations = [attestation for child in children for attestation in child.attestations]
    raw = make_index(
        [(child.platform, child.manifest.descriptor, child.annotations) for child in children], attestations
    )
    index = Descriptor.of(raw, OCI_INDEX)
    if await registry.head(destination.at(index.digest)) is None:
        for child in children:
            if child.repository != destination:
                for digest in (child.manifest.digest, *(d.digest for d in child.attestations)):
                    await registry.copy(child.repository, digest, destination, referrers=False)
        await registry.put_manifest(destination, raw, OCI_INDEX)
    promotion = await plan_promotion(registry, destination, index.digest, destination, tags)
    return index, await perform(registry, promotion)
