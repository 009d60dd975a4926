"""One platform's image behind a reference: of an index with attestations the image, and what attests it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Platform, Reference, Repository
from pipeline.model.manifest import load_json

if TYPE_CHECKING:
    from pipeline.model import Manifest

# BuildKit, docs/attestations/attestation-storage.md
_KIND, _OF, _ATTESTATION = "vnd.docker.reference.type", "vnd.docker.reference.digest", "attestation-manifest"


class ImageReader(Protocol):
    """Reads manifests and blobs: a `Registry`, or something in front of one."""

    async def get_manifest(self, ref: Reference) -> Manifest | None:
        """The manifest a reference stands for, or None."""

    async def blob(self, repo: Repository, descriptor: Descriptor) -> bytes:
        """A whole blob."""


class WrongPlatform(RegistryError):
    """An image that is of another platform than it should be; `found` names what it is for."""

    def __init__(self, reference: Reference, platform: Platform, found: list[Platform]) -> None:
        self.found = ", ".join(map(str, sorted(set(found)))) or "no platform that is known here"
        super().__init__(
            f"{reference} is an image for {self.found}, not for {platform}",
            hint=f"push it again by a run with --platform {platform}",
        )


@dataclass(frozen=True, slots=True)
class PlatformImage:
    """An image of one platform, where it lies, its manifest's annotations, and BuildKit's attestations of it."""

    platform: Platform
    repository: Repository
    manifest: Manifest
    attestations: tuple[Descriptor, ...] = ()

    @property
    def annotations(self) -> Mapping[str, str]:
        """The manifest's own annotations."""
        return dict(self.manifest.data.get("annotations") or {})


async def read_platform_image(
    reader: ImageReader, reference: Reference, platform: Platform
) -> PlatformImage | None:
    """The image of a platform behind a tag or digest, None when there is nothing.

    Raises WrongPlatform when it is of another one by its own configuration, whatever an index says.
    """
    manifest = await reader.get_manifest(reference)
    if manifest is None:
        return None
    repository, attestations = reference.repository, tuple[Descriptor, ...]()
    if manifest.is_index:
        index, digest = manifest, _image(manifest, platform)
        if digest is None:
            raise WrongPlatform(reference, platform, [c.platform for c in manifest.children if c.platform])
        attestations = tuple(
            c for c in index.children if _attests(c) and c.annotations.get(_OF) == str(digest)
        )
        manifest = await reader.get_manifest(repository.at(digest))
        if manifest is None:
            raise RegistryError(f"{repository.at(digest)} is not there, though {reference} names it")
    said = await platform_of(reader, repository, manifest)
    if said != platform:
        raise WrongPlatform(reference, platform, [said] if said else [])
    return PlatformImage(platform, repository, manifest, attestations)


async def platform_of(reader: ImageReader, repository: Repository, manifest: Manifest) -> Platform | None:
    """The platform that an image's own configuration names (OCI image-spec v1.1, config.md), None when it names
    none that is known here."""
    if manifest.config is None:
        return None
    try:
        data = load_json(await reader.blob(repository, manifest.config))
        parts = [data.get(name) or "" for name in ("os", "architecture", "variant")]
        return Platform.parse("/".join(part for part in parts if part))
    except (ValueError, TypeError, AttributeError):
        return None


def _image(index: Manifest, platform: Platform) -> Digest | None:
    return next((c.digest for c in index.children if c.platform == platform and not _attests(c)), None)


def _attests(child: Descriptor) -> bool:
    return child.annotations.get(_KIND) == _ATTESTATION
