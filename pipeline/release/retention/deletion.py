"""How tags and manifests are deleted: by the distribution API, which registries follow in different ways.

olareg and distribution delete a tag alone where it is named, and with a manifest all of its tags. Some delete no tags,
some the manifest that a tag names, some nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pipeline.errors import RegistryError
from pipeline.model import Digest, Repository
from pipeline.registry import Registry

_REFUSED = (400, 405, 501)
_REMEDIES = {
    "docker.io": "Docker Hub deletes by its site and its own API alone; leave its repositories out of retention:",
    "ghcr.io": "set GITHUB_TOKEN to a token with delete:packages: GHCR deletes by the API for packages alone",
    "public.ecr.aws": "Amazon ECR deletes by lifecycle policies; leave its repositories out of retention:",
    "amazonaws.com": "Amazon ECR deletes by lifecycle policies; leave its repositories out of retention:",
}
_ELSE = "switch deletion on (distribution: storage.delete.enabled: true), or leave the repository out of retention:"


class VersionRefused(RegistryError):
    """The registry deletes everything but this one."""


class Deletion(Protocol):
    """Deletes from one repository."""

    @property
    def single_tags(self) -> bool:
        """Whether a tag can go while its manifest stays; as far as is known."""

    async def tag(self, tag: str, digest: Digest, others: Sequence[str] | None) -> bool:
        """Delete a tag and nothing else; False where the registry cannot. `others` are the tags that go on naming its
        manifest, None where the manifest goes as well. Raises RegistryError."""

    async def manifest(self, digest: Digest) -> bool:
        """Delete a manifest with all of its tags; False if it was not there.

        Raises VersionRefused, RegistryError.
        """

    async def listed(self) -> ManifestListing | None:
        """Everything that there is, where one list has it; None where tags have to be read one by one."""


class ManifestListing(Protocol):
    """All manifests of a repository: their tags, and when they were pushed (seconds since 1970)."""

    @property
    def tags(self) -> dict[str, Digest]:
        """All tags."""

    @property
    def pushed(self) -> dict[Digest, int]:
        """All manifests, those without a tag too."""


class OciDeletion:
    """Deletion by the distribution API ("Deleting tags", "Deleting Manifests")."""

    def __init__(self, registry: Registry, repository: Repository) -> None:
        self._registry, self._repository = registry, repository
        self._proven, self.single_tags = False, True

    async def tag(self, tag: str, digest: Digest, others: Sequence[str] | None) -> bool:
        """Delete a tag. The first time, its manifest has to be there afterwards; else it is put back with its tags, and
        nothing more is deleted."""
        registry, repository = self._registry, self._repository
        if not self.single_tags:
            return False
        stays = others is not None and not self._proven
        manifest = await registry.get_manifest(repository.at(digest)) if stays else None
        try:
            await registry.delete(repository.tagged(tag))
        except RegistryError as fault:
            if fault.status not in _REFUSED:
                raise
            self.single_tags = False
            return False
        if manifest is not None and await registry.head(repository.at(digest)) is None:
            for name in others or ():
                await registry.put_manifest(repository, manifest.raw, manifest.media_type, tag=name)
            await registry.put_manifest(repository, manifest.raw, manifest.media_type)
            raise RegistryError(
                f"{repository.host} deletes a manifest with any of its tags; {repository.at(digest)} was put back with "
                "the tags that stay",
                hint="leave the repository out of retention:",
            )
        self._proven = self._proven or manifest is not None
        return True

    async def manifest(self, digest: Digest) -> bool:
        """Delete a manifest."""
        try:
            return await self._registry.delete(self._repository.at(digest))
        except RegistryError as fault:
            raise _refusal(fault, self._repository) from fault

    async def listed(self) -> ManifestListing | None:
        """No list has the digests of tags."""
        return None


def _refusal(fault: RegistryError, repository: Repository) -> RegistryError:
    """What to do about a registry that deletes nothing."""
    if fault.status not in _REFUSED and fault.code != "UNSUPPORTED":
        return fault
    code = f" {fault.code}" if fault.code else ""
    return RegistryError(
        f"{repository.host} deletes no manifests: {fault.status}{code} for {repository}",
        hint=next((text for host, text in _REMEDIES.items() if repository.host.endswith(host)), _ELSE),
        detail=fault.detail,
        status=fault.status,
        code=fault.code,
    )
