"""Images out of a registry as archives, platform by platform and all together; no engine, little memory."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import anyio.to_thread

from pipeline.errors import EnvironmentProblem, RegistryError
from pipeline.model import Descriptor, Digest, Manifest, Platform, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.oci.archive import Segment, segments, size_of
from pipeline.oci.index import make_index
from pipeline.oci.verify import CorruptContent
from pipeline.util.files import replacing

if TYPE_CHECKING:
    from pipeline.registry import Registry

ARCHIVE = "image.tar"
SBOM = "sbom.cyclonedx.json"
_PIECE = 1024 * 1024
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Exported:
    """One written file: what it holds by digest, its size in bytes, and whether it was there already."""

    path: Path
    digest: Digest
    size: int
    written: bool


@dataclass(frozen=True, slots=True)
class ExportedPlatform:
    """One platform of an image tag in a repository; `sbom` is its CycloneDX document there, if it has one."""

    platform: Platform
    digest: Digest
    sbom: Descriptor | None = None


async def export_image(
    registry: Registry,
    repository: Repository,
    children: Sequence[ExportedPlatform],
    folder: Path,
    name: str,
    tag: str,
    *,
    whole: bool = True,
) -> tuple[Exported, ...]:
    """Write `linux-<arch>/image.tar` and its SBOM for each platform, then (`whole`) `image.tar`: the index over all
    of them, or for a single platform a copy of its archive.

    Each file appears when it is complete; one that holds the right bytes is left alone. Raises RegistryError,
    EnvironmentProblem (disk).
    """
    out: list[Exported] = []
    made: list[tuple[ExportedPlatform, Manifest, Path]] = []
    held: dict[Digest, tuple[Path, int]] = {}
    try:
        for child in children:
            manifest = await _manifest(registry, repository, child.digest)
            place = folder / child.platform.slug
            parts = segments(manifest, (), name, tag)
            out.append(await _archive(registry, repository, place / ARCHIVE, parts, manifest.digest, {}))
            held |= _offsets(parts, place / ARCHIVE)
            made.append((child, manifest, place / ARCHIVE))
            if child.sbom is not None:
                content = await registry.blob(repository, child.sbom)
                out.append(
                    await _archive(registry, repository, place / SBOM, [content], child.sbom.digest, {})
                )
        if whole and len(made) == 1:
            out.append(
                await anyio.to_thread.run_sync(_copied, made[0][2], folder / ARCHIVE, made[0][1].digest)
            )
        elif whole:
            index = Manifest.parse(
                make_index([(child.platform, m.descriptor, m.annotations) for child, m, _ in made]), OCI_INDEX
            )
            parts = segments(index, [m for _, m, _ in made], name, tag)
            out.append(await _archive(registry, repository, folder / ARCHIVE, parts, index.digest, held))
    except OSError as fault:
        raise EnvironmentProblem(
            f"cannot write to {folder}: {fault.strerror}", hint="free space, or another folder: --output DIR"
        ) from fault
    return tuple(out)


async def _manifest(registry: Registry, repository: Repository, digest: Digest) -> Manifest:
    found = await registry.get_manifest(repository.at(digest))
    if found is None:
        raise RegistryError(
            f"{repository.at(digest)} is gone from the repository of builds",
            hint="lockage build --fresh: the target is built anew",
        )
    return found


async def _archive(
    registry: Registry,
    repository: Repository,
    target: Path,
    parts: Sequence[Segment],
    digest: Digest,
    held: Mapping[Digest, tuple[Path, int]],
) -> Exported:
    """Write one file unless it holds these segments; blobs come from `held`, an archive and an offset, if they can."""
    size = sum(size_of(part) for part in parts)
    if await anyio.to_thread.run_sync(partial(_holds, target, parts, size)):
        return Exported(target, digest, size, False)
    with replacing(target) as scratch, await anyio.to_thread.run_sync(_open, scratch) as out:
        for part in parts:
            if isinstance(part, bytes):
                out.write(part)
            elif part.digest in held:
                await anyio.to_thread.run_sync(_slice, held[part.digest], part.size, out)
            else:
                await _fetch(registry, repository, part, out)
        await anyio.to_thread.run_sync(out.close)
    return Exported(target, digest, size, True)


async def _fetch(registry: Registry, repository: Repository, blob: Descriptor, out: BinaryIO) -> None:
    """One blob to where the file stands; what turns out corrupt is taken back and fetched again."""
    start = out.tell()
    for left in reversed(range(_TRIES)):
        try:
            async for piece in registry.stream_blob(repository, blob):
                await anyio.to_thread.run_sync(out.write, piece)
            return
        except CorruptContent:
            if not left:
                raise
            out.seek(start)
            out.truncate()


def _open(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("xb")


def _offsets(parts: Sequence[Segment], path: Path) -> dict[Digest, tuple[Path, int]]:
    out: dict[Digest, tuple[Path, int]] = {}
    at = 0
    for part in parts:
        if isinstance(part, Descriptor):
            out[part.digest] = path, at
        at += size_of(part)
    return out


def _slice(source: tuple[Path, int], size: int, out: BinaryIO) -> None:
    path, offset = source
    with path.open("rb") as file:
        file.seek(offset)
        while size:
            piece = file.read(min(size, _PIECE))
            if not piece:
                raise EnvironmentProblem(f"{path} was changed while it was read", hint="lockage export")
            out.write(piece)
            size -= len(piece)


def _holds(path: Path, parts: Sequence[Segment], size: int) -> bool:
    """Whether a file is exactly these segments, every blob hashed."""
    try:
        if path.stat().st_size != size:
            return False
        with path.open("rb") as file:
            return all(_same(file, part) for part in parts)
    except OSError:
        return False


def _same(file: BinaryIO, part: Segment) -> bool:
    if isinstance(part, bytes):
        return file.read(len(part)) == part
    digest, left = hashlib.new(part.digest.algorithm), part.size
    while left and (piece := file.read(min(left, _PIECE))):
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest() == part.digest.hex


def _copied(source: Path, target: Path, digest: Digest) -> Exported:
    size = source.stat().st_size
    if _equal(source, target, size):
        return Exported(target, digest, size, False)
    with replacing(target) as scratch:
        shutil.copyfile(source, scratch)
    return Exported(target, digest, size, True)


def _equal(one: Path, two: Path, size: int) -> bool:
    try:
        with one.open("rb") as a, two.open("rb") as b:
            if two.stat().st_size != size:
                return False
            while piece := a.read(_PIECE):
                if b.read(len(piece)) != piece:
                    return False
    except OSError:
        return False
    return True
