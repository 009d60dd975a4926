"""The history of an image, which says what made each of its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.policy.scan_details import ScanDetails, with_history

if TYPE_CHECKING:
    from pipeline.model import Digest, Repository
    from pipeline.registry import Registry


async def read_history(
    registry: Registry, repository: Repository, digest: Digest, details: ScanDetails
) -> ScanDetails:
    """A scanner's report with the history of the image of one platform; as it is where that cannot be read."""
    try:
        manifest = await registry.get_manifest(repository.at(digest))
        if manifest is None or manifest.config is None:
            return details
        return with_history(details, await registry.blob(repository, manifest.config))
    except (RegistryError, ValueError):
        return details
