"""Small memories in the repository of builds: one blob under a tag, as an OCI artifact (image-spec v1.1, "Guidelines
for Artifact Usage"). Whoever cannot read one does without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Repository
from pipeline.model.descriptor import EMPTY_JSON
from pipeline.oci.artifact import artifact_manifest

if TYPE_CHECKING:
    from pipeline.registry import Registry


async def read(registry: Registry, builds: Repository, tag: str, kind: str) -> bytes | None:
    """What is kept under a tag as an artifact of this type; None when there is none, or none that can be read."""
    manifest = await registry.get_manifest(builds.tagged(tag))
    if manifest is None or manifest.data.get("artifactType") != kind:
        return None
    try:
        (layer,) = map(Descriptor.from_oci, manifest.data["layers"])
        return await registry.blob(builds, layer)
    except (ValueError, KeyError, TypeError, RegistryError):
        return None


async def write(registry: Registry, builds: Repository, tag: str, kind: str, content: bytes) -> None:
    """Keep content under a tag, in place of what was there; the tag last."""
    manifest = artifact_manifest(kind, [Descriptor.of(content, kind)])
    await registry.put_blob(builds, EMPTY_JSON)
    await registry.put_blob(builds, content)
    await registry.put_manifest(builds, manifest.raw, manifest.media_type, tag=tag)
