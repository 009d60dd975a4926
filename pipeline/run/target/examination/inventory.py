"""The bill of materials of a target's image: its documents, and what they say in short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.errors import BuildError
from pipeline.model import Digest, Manifest
from pipeline.model.manifest import load_json
from pipeline.policy import Inventory, Tool
from pipeline.policy.reports import cyclonedx_inventory
from pipeline.sbom.complete import complete
from pipeline.util.timestamps import parse_timestamp

from .sbom_subject import subject_of

if TYPE_CHECKING:
    from pipeline.plan import Target

    from ...context import RunContext
    from ...image_cache import ImageCache


async def image_config(context: RunContext, images: ImageCache, digest: Digest) -> tuple[Manifest, bytes]:
    """An image of the repository of builds: its manifest and its configuration. Raises BuildError without one."""
    reference = context.home(digest).at(digest)
    manifest = await images.get_manifest(reference)
    if manifest is None or manifest.config is None:
        raise BuildError(f"{reference} has no configuration")
    return manifest, await images.blob(reference.repository, manifest.config)


def inventory(
    context: RunContext, target: Target, documents: Mapping[str, bytes], manifest: Manifest, config: bytes
) -> tuple[Inventory, dict[str, bytes]]:
    """Syft's documents, completed, and what they say in short. Raises ValueError for what is not about this image."""
    tool = Tool("syft", context.tools.version("syft"))
    cyclonedx_inventory(documents, tool, subject=(target.image, target.tag))
    subject = subject_of(context, target, manifest.digest, created_at(config))
    try:
        completed = complete(documents, subject, subject.serial(tool.version), manifest, config)
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"syft: a document lacks {fault}") from None
    return cyclonedx_inventory(completed, tool), completed


def created_at(config: bytes) -> int:
    """The creation of an image by its configuration, in seconds since 1970; 0 where that does not say."""
    try:
        return parse_timestamp(str(load_json(config)["created"]))
    except (ValueError, KeyError, TypeError, OverflowError):
        return 0
