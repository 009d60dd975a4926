"""One blob under a tag of the repository of builds, as an OCI artifact (image-spec v1.1, "Guidelines for Artifact
Usage"). What is stored so only saves work: a run without it does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Repository
from pipeline.model.descriptor import EMPTY_JSON
from pipeline.oci.artifact import artifact_manifest

if TYPE_CHECKING:
    from pipeline.registry import Registry


async def read(registry: Registry, repository: Repository, tag: str, artifact_type: str) -> bytes | None:
    """The content under a tag; None when there is no artifact of this type, or none that can be read."""
    manifest = await registry.get_manifest(repository.tagged(tag))
    if manifest is None or manifest.data.get("artifactType") != artifact_type:
        return None
    try:
        (layer,) = map(Descriptor.from_oci, manifest.data["layers"])
        return await registry.blob(repository, layer)
    except (ValueError, KeyError, TypeError, RegistryError):
        return None


async def write(
    registry: Registry, repository: Repository, tag: str, artifact_type: str, content: bytes
) -> None:
    """Store content under a tag, in place of what it named; the tag is written last."""
    manifest = artifact_manifest(artifact_type, [Descriptor.of(content, artifact_type)])
    await registry.put_blob(repository, EMPTY_JSON)
    await registry.put_blob(repository, content)
    await registry.put_manifest(repository, manifest.raw, manifest.media_type, tag=tag)
