"""What the engine pushed, settled: in its normal form under the tag that counts, and under no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.errors import BuildError, RegistryError
from pipeline.model import Digest, Reference
from pipeline.release.normalise import Base, normalise

if TYPE_CHECKING:
    from pipeline.catalogue import Target
    from pipeline.registry import Manifest

    from .workshop import Workshop

RAW = "-raw"
"""Behind the tag under which the engine pushes; nobody takes such a tag for a finished build."""


async def settle(
    shop: Workshop, target: Target, bases: Mapping[str, Digest], raw: Digest, pushed: Reference, tag: str
) -> Manifest:
    """The normal form of what the engine pushed as `pushed`, under `tag`; the engine's own tag is gone afterwards.

    The layers of its base are left as they are. Interrupted anywhere, `tag` is missing or complete.
    """
    found = await shop.registry.get_manifest(shop.builds.at(raw))
    if found is None:
        raise BuildError(
            f"{shop.builds.at(raw)} is not there after it was pushed", hint="run the same command again"
        )
    normal = await normalise(
        shop.registry,
        shop.builds,
        found,
        epoch=shop.revision.created,
        base=await _base(shop, target, bases),
        scratch=shop.cache / "layers",
        tag=tag,
    )
    await forget(shop, pushed, normal.manifest)
    return normal.manifest


async def _base(shop: Workshop, target: Target, bases: Mapping[str, Digest]) -> Base | None:
    """What the last stage stands on, for the platform that it is taken for."""
    base = target.final_base
    if base is None:
        return None
    if base.target_id:
        reference = shop.builds.at(bases[base.target_id])
    elif base.reference:
        reference = shop.mirrors.locate(base.reference).by_digest
    else:
        return None
    manifest = await shop.registry.get_manifest(reference)
    if manifest and manifest.is_index:
        platform = base.on or target.platform
        child = next((c for c in manifest.children if c.platform == platform), None)
        manifest = await shop.registry.get_manifest(reference.repository.at(child.digest)) if child else None
    return Base(reference.repository, manifest) if manifest else None


async def forget(shop: Workshop, pushed: Reference, normal: Manifest) -> None:
    """Take the engine's tag away, or where a registry deletes no tags, make it name the normal form."""
    try:
        await shop.registry.delete(pushed)
    except RegistryError:
        await shop.registry.put_manifest(pushed.repository, normal.raw, normal.media_type, tag=pushed.tag)
