"""What the registry knows of a target by its key, asked for once a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.policy import Evidence
from pipeline.state.records import Record, read_record

if TYPE_CHECKING:
    from pipeline.model import Manifest

    from .context import RunContext


async def known(context: RunContext, key: str) -> Record | None:
    """What is known under a key; a build that was interrupted before its record was written counts too."""
    if key not in context.recalled:
        context.recalled[key] = await _ask(context, key)
    return context.recalled[key]


async def _ask(context: RunContext, key: str) -> Record | None:
    record = context.kept.record(key) or await read_record(context.registry, context.builds, key)
    if record is None:
        manifest = await context.registry.get_manifest(context.builds.tagged(key))
        record = Record(key, manifest.digest, Evidence(size_of(manifest))) if manifest else None
    return record


def size_of(manifest: Manifest) -> int:
    """The bytes of an image of one platform as a registry keeps it: configuration and layers."""
    return sum(blob.size for blob in (manifest.config, *manifest.layers) if blob)
