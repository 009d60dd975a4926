"""Images exported from a registry as archives, for each platform and for all, in constant memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import anyio.to_thread

from pipeline.errors import EnvironmentProblem, RegistryError
from pipeline.model import Descriptor, Digest, Manifest, Platform, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.oci.archive import Segment, segment_size, segments
from pipeline.oci.index import make_index
from pipeline.oci.verify import CorruptContent
from pipeline.util.dataclass import dataclass
from pipeline.util.files import replacing
from pipeline.util.rooted import reason

from .archive_files import BlobLocation, blob_locations, copy_blob, copy_file, holds

if TYPE_CHECKING:
    from pipeline.registry import Registry

ARCHIVE = "image.tar"
SBOM = "sbom.cyclonedx.json"
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Exported:
    """One exported file: the digest of its content, its size in bytes, whether it was written or there already."""

    path: Path
    digest: Digest
    size: int
    written: bool


@dataclass(frozen=True, slots=True)
class ExportedPlatform:
    """One platform of an image tag in a repository; `sbom` is its CycloneDX document, a blob of that repository."""

    platform: Platform
    digest: Digest
    sbom: Descriptor | None = None


@dataclass(frozen=True, slots=True)
class ExportedImage:
    """An image tag to export: the names it gets in its archives, and its platforms."""

    name: str
    tag: str
    platforms: Sequence[ExportedPlatform]


async def export_image(
    registry: Registry,
    repository: Repository,
    image: ExportedImage,
    folder: Path,
    *,
    whole: bool = True,
    root: Path | None = None,
) -> tuple[Exported, ...]:
    """Write `linux-<arch>/image.tar` and its SBOM for each platform. With `whole`, then write `image.tar`: the index
    over all platforms, or a copy of the only platform's archive.

    Each file appears when it is complete; one with the right content is kept. No link below `root` is followed.
    Raises RegistryError, EnvironmentProblem (disk).
    """
    exporter = _Exporter(registry, repository, root)
    exported: list[Exported] = []
    manifests: list[tuple[Platform, Manifest]] = []
    local: dict[Digest, BlobLocation] = {}
    try:
        for child in image.platforms:
            manifest = await exporter.manifest(child.digest)
            target = folder / child.platform.slug
            parts = segments(manifest, (), image.name, image.tag)
            exported.append(await exporter.write(target / ARCHIVE, parts, manifest.digest))
            local |= blob_locations(parts, target / ARCHIVE)
            manifests.append((child.platform, manifest))
            if child.sbom is not None:
                content = await registry.blob(repository, child.sbom)
                exported.append(await exporter.write(target / SBOM, [content], child.sbom.digest))
        if whole and len(manifests) == 1:
            source, digest = exported[0].path, manifests[0][1].digest
            written = await anyio.to_thread.run_sync(copy_file, source, folder / ARCHIVE, root)
            exported.append(Exported(folder / ARCHIVE, digest, exported[0].size, written))
        elif whole:
            index = Manifest.parse(
                make_index([(platform, m.descriptor, m.annotations) for platform, m in manifests]), OCI_INDEX
            )
            parts = segments(index, [m for _, m in manifests], image.name, image.tag)
            exported.append(await exporter.write(folder / ARCHIVE, parts, index.digest, local))
    except OSError as fault:
        raise EnvironmentProblem(
            f"cannot write to {folder}: {reason(fault)}",
            hint="free some space, or name another folder: --output DIR",
        ) from fault
    return tuple(exported)


class _Exporter:
    """Writes archives from the content of one repository."""

    def __init__(self, registry: Registry, repository: Repository, root: Path | None) -> None:
        self._registry, self._repository, self._root = registry, repository, root

    async def manifest(self, digest: Digest) -> Manifest:
        reference = self._repository.at(digest)
        manifest = await self._registry.get_manifest(reference)
        if manifest is None:
            raise RegistryError(
                f"{reference} was deleted from the repository of builds",
                hint="lockage build --fresh: the target is rebuilt",
            )
        return manifest

    async def write(
        self,
        target: Path,
        parts: Sequence[Segment],
        digest: Digest,
        local: Mapping[Digest, BlobLocation] | None = None,
    ) -> Exported:
        """Write one file unless it has this content; blobs are copied from `local` archives where possible."""
        size = sum(segment_size(part) for part in parts)
        if await anyio.to_thread.run_sync(holds, target, parts, size):
            return Exported(target, digest, size, False)
        with replacing(target, root=self._root) as file:
            for part in parts:
                if isinstance(part, bytes):
                    file.write(part)
                elif local and part.digest in local:
                    await anyio.to_thread.run_sync(copy_blob, local[part.digest], part.size, file)
                else:
                    await self._fetch(part, file)
            await anyio.to_thread.run_sync(file.flush)
        return Exported(target, digest, size, True)

    async def _fetch(self, blob: Descriptor, file: BinaryIO) -> None:
        """Append a blob; a corrupt one is removed and fetched again."""
        start = file.tell()
        for left in reversed(range(_ATTEMPTS)):
            try:
                async for chunk in self._registry.stream_blob(self._repository, blob):
                    await anyio.to_thread.run_sync(file.write, chunk)
                return
            except CorruptContent:
                if not left:
                    raise
                file.seek(start)
                file.truncate()
