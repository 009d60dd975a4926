"""Some platforms of an image tag, each pushed by digest under a tag of its own, for `lockage manifest` to merge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Digest, Reference
from pipeline.oci.index import platform_tag

from .promotion import TagMove, perform, plan_promotion
from .push import Pushed, push

if TYPE_CHECKING:
    from pipeline.model import Repository
    from pipeline.registry import Registry
    from pipeline.registry.platform_image import ImageReader

    from .publication import Publication


async def push_platforms(
    registry: Registry, reader: ImageReader, builds: Repository, publication: Publication
) -> tuple[list[Reference], list[TagMove]]:
    """Push each platform and tag it `<commit tag>-linux-<arch>`; gives the platforms by digest and the moves of tags.

    Nothing is signed, and there is no index: under the tag of all platforms, an index of some would be wrong for
    everyone on another platform.
    """
    pushed, written = list[Reference](), list[TagMove]()
    repository = publication.repository
    for platform in publication.platforms:
        digest = await _push(registry, reader, builds, repository, platform)
        pushed.append(repository.at(digest))
        tags = [platform_tag(tag, platform.platform) for tag in publication.commit_tags[:1]]
        promotion = await plan_promotion(registry, repository, digest, repository, tags)
        written += await perform(registry, promotion)
    return pushed, written


async def _push(
    registry: Registry, reader: ImageReader, builds: Repository, destination: Repository, platform: Pushed
) -> Digest:
    """Push one platform: its manifest, or the index of it and BuildKit's attestations; gives the digest of that."""
    if not platform.attestations:
        await registry.copy(builds, platform.digest, destination, referrers=False)
        return platform.digest
    index, _ = await push(registry, builds, destination, [platform], reader)
    return index.digest
