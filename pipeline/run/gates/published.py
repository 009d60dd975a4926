"""What an environment holds of an image, to compare the size of a new one with.

The first environment has the tags of commits, which have no order, so the second one is read, whose
tags are those of the catalogue. Only what is signed sets a limit: its index, or an image without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.model import Digest, Platform, Reference, Repository
from pipeline.oci.index import is_attestation
from pipeline.policy.gates.size import PublishedImage
from pipeline.policy.newer_tags import older_tags
from pipeline.trust import SignatureRefused, verify

if TYPE_CHECKING:
    from pipeline.model import Manifest
    from pipeline.plan import Target

    from ..context import RunContext


async def published_image(context: RunContext, target: Target) -> PublishedImage | None:
    """The same tag as the second environment holds it (the only one's, where there is one), else the newest older tag
    of the same kind: `3.11.2-dev` is compared with `3.11.1-dev`. None where there is neither, or not for this platform.

    Two or three requests, and those that read its signature. Raises RegistryError.
    """
    environments = context.plan.project.environments
    repository = context.repository(environments[min(1, len(environments) - 1)], target.image)
    tag = _own_tag(context, target)
    if published := await _image(context, repository.tagged(tag), target.platform):
        return published
    for older in older_tags(tag, await context.registry.tags(repository))[:1]:
        return await _image(context, repository.tagged(older), target.platform)
    return None


def _own_tag(context: RunContext, target: Target) -> str:
    """The tag without the suffix of a snapshot."""
    snapshot = context.plan.snapshot_id
    return target.tag.removesuffix(f"-{snapshot}") if snapshot else target.tag


async def _image(context: RunContext, reference: Reference, platform: Platform) -> PublishedImage | None:
    manifest = await context.registry.get_manifest(reference)
    signed = manifest.digest if manifest is not None else None
    if manifest is not None and manifest.is_index:
        manifest = await _child(context, reference.repository, manifest, platform)
    if signed is None or manifest is None or manifest.config is None:
        return None
    size = manifest.config.size + sum(layer.size for layer in manifest.layers)
    layers = frozenset(str(layer.digest) for layer in manifest.layers)
    return PublishedImage(str(reference), size, layers, await _unverified(context, reference, signed))


async def _unverified(context: RunContext, reference: Reference, digest: Digest) -> str:
    """Why an image does not count; empty if it is signed."""
    try:
        await verify(context.registry, reference.repository, digest, context.publishing_key)
    except (SignatureRefused, ConfigError) as fault:
        return f"{reference}: {fault.message}"
    return ""


async def _child(
    context: RunContext, repository: Repository, index: Manifest, platform: Platform
) -> Manifest | None:
    for child in index.children:
        if child.platform == platform and not is_attestation(child):
            return await context.registry.get_manifest(repository.at(child.digest))
    return None
