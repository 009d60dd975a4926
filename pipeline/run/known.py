"""What the registry knows of a target by its key, asked for once a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.policy import Evidence

from .memory import Record, recall

if TYPE_CHECKING:
    from pipeline.registry import Manifest

    from .workshop import Workshop


async def known(shop: Workshop, key: str) -> Record | None:
    """What is known under a key; a build that was interrupted before its record was written counts too."""
    if key not in shop.recalled:
        shop.recalled[key] = await _ask(shop, key)
    return shop.recalled[key]


async def _ask(shop: Workshop, key: str) -> Record | None:
    record = shop.kept.record(key) or await recall(shop.registry, shop.builds, key)
    if record is None:
        manifest = await shop.registry.get_manifest(shop.builds.tagged(key))
        record = Record(key, manifest.digest, Evidence(size_of(manifest))) if manifest else None
    return record


def size_of(manifest: Manifest) -> int:
    """The bytes of an image of one platform as a registry keeps it: configuration and layers."""
    return sum(blob.size for blob in (manifest.config, *manifest.layers) if blob)
