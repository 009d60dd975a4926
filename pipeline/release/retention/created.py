"""When images say that they were created (image-spec v1.1, config.md, "created")."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from pipeline.errors import RegistryError
from pipeline.model import Digest, Repository
from pipeline.model.manifest import load_json
from pipeline.registry import Registry
from pipeline.registry.content_faults import is_content_fault
from pipeline.util.concurrency import each
from pipeline.util.timestamps import parse_timestamp


async def read_created(
    registry: Registry, repository: Repository, digests: Iterable[Digest]
) -> dict[Digest, int]:
    """The creation dates of images, in seconds since 1970, of those that have one: two requests for an image, three for
    an index. Raises RegistryError."""
    times = await each(partial(_created, registry, repository), sorted(digests))
    return {digest: time for digest, time in times if time is not None}


async def _created(registry: Registry, repository: Repository, digest: Digest) -> tuple[Digest, int | None]:
    manifest = await registry.get_manifest(repository.at(digest))
    if manifest is not None and manifest.is_index:
        child = next((child for child in manifest.children if child.platform), None)
        manifest = await registry.get_manifest(repository.at(child.digest)) if child else None
    if manifest is None or manifest.config is None:
        return digest, None
    try:
        data = load_json(await registry.blob(repository, manifest.config))
        return digest, parse_timestamp(data["created"])
    except RegistryError as fault:
        if fault.status != 404 and not is_content_fault(fault):
            raise
    except (ValueError, KeyError, TypeError):
        pass
    return digest, None
