"""The scanner's vulnerability data: fetched by digest, kept in the user's cache, handed to steps as files."""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Reference

if TYPE_CHECKING:
    from pipeline.registry import Registry

LAYER_TYPE = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
_MEMBERS = ("trivy.db", "metadata.json")
_MAX_MEMBER = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Database:
    """A database on disk: `folder` holds trivy.db and metadata.json; `updated` is ISO 8601, from its maker."""

    folder: Path
    digest: Digest
    updated: str


async def current(registry: Registry, reference: Reference) -> Descriptor:
    """Which database the registry has now; one HEAD. Raises RegistryError when there is none."""
    found = await registry.head(reference)
    if found is None:
        raise RegistryError(
            f"no vulnerability database at {reference}",
            hint="set vulnerability_db in lockage.yml to one that this site can reach",
        )
    return found


async def fetch(registry: Registry, reference: Reference, digest: Digest, cache: Path) -> Database:
    """The database with this digest, from the cache or from the registry; checked, unpacked, then renamed."""
    folder = cache / "trivy-db" / digest.hex
    if not (folder / "metadata.json").is_file():
        manifest = await registry.get_manifest(reference.repository.at(digest))
        layers = [Descriptor.from_oci(one) for one in (manifest.data.get("layers", []) if manifest else [])]
        layer = next((one for one in layers if one.media_type == LAYER_TYPE), None)
        if layer is None:
            raise RegistryError(f"{reference.repository.at(digest)} is not a trivy database")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            packed, unpacked = Path(scratch) / "db.tar.gz", Path(scratch) / "db"
            async with await anyio.open_file(packed, "wb") as file:
                async for piece in registry.stream_blob(reference.repository, layer):
                    await file.write(piece)
            await anyio.to_thread.run_sync(_unpack, packed, unpacked, str(reference))
            if not folder.exists():
                os.rename(unpacked, folder)  # noqa: PTH104 - atomic, and fails if another run was first
    return Database(folder, digest, _updated(folder))


def _unpack(packed: Path, folder: Path, origin: str) -> None:
    folder.mkdir()
    found = set()
    with tarfile.open(packed, "r:gz") as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if name not in _MEMBERS or not member.isreg() or member.size > _MAX_MEMBER or name in found:
                continue
            content = archive.extractfile(member)
            assert content
            with (folder / name).open("wb") as out:
                while piece := content.read(1 << 20):
                    out.write(piece)
            found.add(name)
    if found != set(_MEMBERS):
        raise RegistryError(f"{origin} holds {sorted(found)}, expected {sorted(_MEMBERS)}")


def _updated(folder: Path) -> str:
    try:
        return str(json.loads((folder / "metadata.json").read_text())["UpdatedAt"])
    except (OSError, ValueError, KeyError):
        return ""
