"""From the repository of builds to the first environment: children and index by digest, no tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Platform, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.oci.index import make_index

if TYPE_CHECKING:
    from pipeline.registry import Registry


@dataclass(frozen=True, slots=True)
class Pushed:
    """One platform in the repository of builds: its manifest, and BuildKit's attestations of it."""

    platform: Platform
    digest: Digest
    attestations: tuple[Descriptor, ...] = ()


Children = Sequence[Pushed]


async def fan_in(
    registry: Registry, builds: Repository, children: Children
) -> tuple[bytes, tuple[Descriptor, ...]]:
    """The index over what was built, and its children in the order given; nothing is written.

    Raises RegistryError for a child that is gone from the repository of builds.
    """
    found = []
    for child in children:
        manifest = await registry.get_manifest(builds.at(child.digest))
        if manifest is None:
            raise RegistryError(
                f"{builds.at(child.digest)} is gone from the repository of builds",
                hint="run again with --fresh: the target is built anew",
            )
        found.append((child.platform, manifest.descriptor, dict(manifest.data.get("annotations") or {})))
    attestations = [one for child in children for one in child.attestations]
    return make_index(found, attestations), tuple(child for _, child, _ in found)


async def push(
    registry: Registry, builds: Repository, destination: Repository, children: Children
) -> tuple[Descriptor, tuple[Descriptor, ...]]:
    """Bring the platforms of one image tag and their index into `destination`; gives the index and its children
    in the order given.

    The children are exactly the digests that were built. A rerun finds them there and writes nothing.
    """
    raw, found = await fan_in(registry, builds, children)
    index = Descriptor.of(raw, OCI_INDEX)
    if await registry.head(destination.at(index.digest)) is None:
        for child in children:
            for digest in (child.digest, *(one.digest for one in child.attestations)):
                await registry.copy(builds, digest, destination, referrers=False)
        await registry.put_manifest(destination, raw, OCI_INDEX)
    return index, found
