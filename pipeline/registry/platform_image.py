"""The image of one platform behind a reference, and its attestations where the reference is an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Platform, Reference, Repository
from pipeline.model.manifest import load_json
from pipeline.oci.index import REFERENCE_DIGEST, is_attestation
from pipeline.oci.limits import CONFIG_BYTES
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_object, as_optional_text
from pipeline.util.sizes import size_text

if TYPE_CHECKING:
    from pipeline.model import Manifest

_SHOWN_PLATFORMS = 20


class ImageReader(Protocol):
    """Reads manifests and blobs: a `Registry`, or something in front of one."""

    async def get_manifest(self, ref: Reference) -> Manifest | None:
        """The manifest a reference stands for, or None."""

    async def blob(self, repo: Repository, descriptor: Descriptor) -> bytes:
        """A whole blob."""


class WrongPlatform(RegistryError):
    """An image for another platform than expected; `platforms` are those it is for, as far as they are known."""

    def __init__(self, reference: Reference, expected: Platform, platforms: Iterable[Platform]) -> None:
        self.platforms = tuple(sorted(set(platforms)))
        shown = list(map(str, self.platforms[:_SHOWN_PLATFORMS]))
        shown += ["others"] * (len(self.platforms) > _SHOWN_PLATFORMS)
        names = ", ".join(shown) or "no known platform"
        super().__init__(
            f"{reference} is an image for {names}, not for {expected}",
            hint=f"push it again by a run with --platform {expected}",
        )


@dataclass(frozen=True, slots=True)
class PlatformImage:
    """An image of one platform, its repository, and its attestations by BuildKit."""

    platform: Platform
    repository: Repository
    manifest: Manifest
    attestations: tuple[Descriptor, ...] = ()

    @property
    def annotations(self) -> Mapping[str, str]:
        """The manifest's own annotations."""
        return self.manifest.annotations


async def read_platform_image(
    reader: ImageReader, reference: Reference, platform: Platform
) -> PlatformImage | None:
    """The image of a platform behind a tag or digest, None if there is none.

    Raises WrongPlatform if its own configuration names another platform, whatever the index says.
    """
    manifest = await reader.get_manifest(reference)
    if manifest is None:
        return None
    repository = reference.repository
    attestations: tuple[Descriptor, ...] = ()
    if manifest.is_index:
        index, digest = manifest, _image_digest(manifest, platform)
        if digest is None:
            raise WrongPlatform(reference, platform, [c.platform for c in index.children if c.platform])
        attestations = tuple(
            c
            for c in index.children
            if is_attestation(c) and c.annotations.get(REFERENCE_DIGEST) == str(digest)
        )
        manifest = await reader.get_manifest(repository.at(digest))
        if manifest is None:
            raise RegistryError(
                f"{repository.at(digest)} does not exist, though {reference} lists it",
                hint="push the image again",
            )
    actual = await platform_of(reader, repository, manifest)
    if actual != platform:
        raise WrongPlatform(reference, platform, [actual] if actual else [])
    return PlatformImage(platform, repository, manifest, attestations)


async def platform_of(reader: ImageReader, repository: Repository, manifest: Manifest) -> Platform | None:
    """The platform in an image's own configuration (OCI image-spec v1.1, config.md); None if it names no known one."""
    config = await read_config(reader, repository, manifest)
    try:
        parts = [as_optional_text(config.get(name)) or "" for name in ("os", "architecture", "variant")]
        return Platform.parse("/".join(part for part in parts if part))
    except ValueError:
        return None


async def read_config(reader: ImageReader, repository: Repository, manifest: Manifest) -> dict[str, object]:
    """An image's configuration; empty without one or for other JSON. Raises RegistryError if it is too large."""
    if manifest.config is None:
        return {}
    if manifest.config.size > CONFIG_BYTES:
        raise RegistryError(
            f"the config of {repository.at(manifest.digest)} is larger than {size_text(CONFIG_BYTES)}",
            hint="no image needs as much; do not trust it, or ask whoever pushed it (docs/limits.md)",
        )
    try:
        return as_object(load_json(await reader.blob(repository, manifest.config)))
    except ValueError:
        return {}


def _image_digest(index: Manifest, platform: Platform) -> Digest | None:
    of_platform = (c for c in index.children if c.platform and c.platform.normalized == platform.normalized)
    images = (c.digest for c in of_platform if not is_attestation(c))
    return next(images, None)
