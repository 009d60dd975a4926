"""Deletion from GHCR, whose API for packages deletes versions: a manifest with all of its tags, never a tag alone."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import RegistryError
from pipeline.model import Digest, Repository
from pipeline.registry.packages.github import GithubPackages, PackageVersion
from pipeline.util.dataclass import dataclass

from .deletion import VersionRefused

_REFUSED = (400, 422)
"""More than 5,000 downloads of a public package's version, or its last tagged version."""


@dataclass(frozen=True, slots=True)
class Versions:
    """All versions of a package."""

    versions: tuple[PackageVersion, ...]

    @property
    def tags(self) -> dict[str, Digest]:
        """All tags."""
        return {tag: version.digest for version in self.versions for tag in version.tags}

    @property
    def pushed(self) -> dict[Digest, int]:
        """When every version was pushed."""
        return {version.digest: version.pushed for version in self.versions}


class GhcrDeletion:
    """Deletes versions of one package."""

    single_tags = False

    def __init__(self, packages: GithubPackages, repository: Repository) -> None:
        self._packages, self._repository = packages, repository
        self._versions: dict[Digest, PackageVersion] = {}

    async def tag(self, tag: str, digest: Digest, others: Sequence[str] | None) -> bool:
        """No tag goes without its version."""
        return False

    async def manifest(self, digest: Digest) -> bool:
        """Delete a version as it was listed last. Raises VersionRefused for one that GitHub keeps, RegistryError."""
        version = self._versions.get(digest)
        if version is None:
            return False
        try:
            return await self._packages.delete(self._repository, version)
        except RegistryError as fault:
            if fault.status not in _REFUSED:
                raise
            reason = fault.detail or fault.message
            raise VersionRefused(
                f"GitHub keeps it: {reason}", hint="GitHub's support deletes it", status=fault.status
            ) from fault

    async def listed(self) -> Versions:
        """All versions, a hundred in a request."""
        versions = Versions(tuple(await self._packages.versions(self._repository)))
        self._versions = {version.digest: version for version in versions.versions}
        return versions
