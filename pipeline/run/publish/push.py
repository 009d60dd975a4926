"""From the repository of builds to the first environment: platforms and index by digest, without a tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Platform, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.oci.index import make_index
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.registry import Registry
    from pipeline.registry.platform_image import ImageReader


@dataclass(frozen=True, slots=True)
class Pushed:
    """One platform in the repository of builds: its manifest, and BuildKit's attestations of it."""

    platform: Platform
    digest: Digest
    attestations: tuple[Descriptor, ...] = ()

    @property
    def manifests(self) -> tuple[Digest, ...]:
        """Every manifest that belongs to it."""
        return (self.digest, *(attestation.digest for attestation in self.attestations))


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """The index of an image tag: its bytes, its descriptor, and those of its platforms in the order given."""

    raw: bytes
    descriptor: Descriptor
    children: tuple[Descriptor, ...]


async def build_index(reader: ImageReader, builds: Repository, platforms: Sequence[Pushed]) -> ImageIndex:
    """The index over platforms of the repository of builds; nothing is written.

    Raises RegistryError for a platform that is gone from there.
    """
    children = []
    for platform in platforms:
        manifest = await reader.get_manifest(builds.at(platform.digest))
        if manifest is None:
            raise RegistryError(
                f"{builds.at(platform.digest)} is gone from the repository of builds",
                hint="run again with --fresh to rebuild the target",
            )
        children.append((platform.platform, manifest.descriptor, dict(manifest.annotations)))
    attestations = [attestation for platform in platforms for attestation in platform.attestations]
    raw = make_index(children, attestations)
    return ImageIndex(raw, Descriptor.of(raw, OCI_INDEX), tuple(descriptor for _, descriptor, _ in children))


async def push_index(
    registry: Registry,
    builds: Repository,
    destination: Repository,
    platforms: Sequence[Pushed],
    index: ImageIndex,
) -> None:
    """Copy platforms to `destination` and write their index there; nothing if it has the index already."""
    if await registry.head(destination.at(index.descriptor.digest)) is not None:
        return
    for platform in platforms:
        for digest in platform.manifests:
            await registry.copy(builds, digest, destination, referrers=False)
    await registry.put_manifest(destination, index.raw, OCI_INDEX)


async def push(
    registry: Registry,
    builds: Repository,
    destination: Repository,
    platforms: Sequence[Pushed],
    reader: ImageReader | None = None,
) -> tuple[Descriptor, tuple[Descriptor, ...]]:
    """Bring the platforms of one image tag and their index to `destination`; gives the index and its children in the
    order given.

    The children are exactly the digests that were built. A rerun finds them there and writes nothing. `reader` reads
    the repository of builds, by default the registry itself.
    """
    index = await build_index(reader or registry, builds, platforms)
    await push_index(registry, builds, destination, platforms, index)
    return index.descriptor, index.children
