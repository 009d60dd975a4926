"""The scanners' data: fetched by digest, kept in the user's cache, given to scans as files.

Trivy has two databases: vulnerabilities by package, and Maven's artifacts by checksum and name, which it needs only for
images that hold Java archives.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from pipeline.errors import RegistryError
from pipeline.model import Digest, Reference
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file
from pipeline.util.private_folder import private_folder

from ...scanners.data_source import Database, DataSource
from ...scanners.grype_database import GrypeDatabase, mirrored

if TYPE_CHECKING:
    from pipeline.policy import Scan
    from pipeline.registry import Registry

    from ...context import RunContext

_METADATA = "metadata.json"
_MAX_MEMBER = 4 * 1024**3
_MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class DatabaseKind:
    """One of the scanner's databases: its key in lockage.yml, its folder in the cache, its layer and its file."""

    name: str
    key: str
    folder: str
    layer_type: str
    file: str

    @property
    def members(self) -> tuple[str, str]:
        """The files of the layer."""
        return self.file, _METADATA


VULNERABILITIES = DatabaseKind(
    "vulnerability database",
    "vulnerability_db",
    "trivy-db",
    "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip",
    "trivy.db",
)
JAVA = DatabaseKind(
    "Java database",
    "java_db",
    "trivy-java-db",
    "application/vnd.aquasec.trivy.javadb.layer.v1.tar+gzip",
    "trivy-java.db",
)


class ScannerDatabase(DataSource):
    """One of trivy's databases, by its reference in a registry."""

    def __init__(
        self,
        kind: DatabaseKind,
        registry: Registry,
        reference: Reference,
        cache: Path,
        *,
        offline: bool = False,
    ) -> None:
        super().__init__(kind.name, kind.key, str(reference), cache / kind.folder, offline=offline)
        self.kind, self.reference, self._registry = kind, reference, registry

    async def resolve(self) -> Digest | None:
        """What the reference names in its registry; one HEAD."""
        descriptor = await self._registry.head(self.reference)
        return descriptor.digest if descriptor else None

    def holds(self, digest: Digest) -> bool:
        """Whether the cache has it."""
        return (self.cache / digest.hex / _METADATA).is_file()

    @property
    def pinned(self) -> Digest | None:
        """The digest of the reference."""
        return self.reference.digest

    async def load(self, digest: Digest) -> Database:
        """The database with this digest. Raises RegistryError."""
        exact = self.reference.repository.at(digest)
        return await _fetch(self.kind, self._registry, exact, self.cache)


@dataclass(frozen=True, slots=True)
class ScannerData:
    """All databases of a run."""

    vulnerabilities: ScannerDatabase
    java: ScannerDatabase
    grype: GrypeDatabase

    @classmethod
    def of(cls, context: RunContext) -> ScannerData:
        """The databases that lockage.yml names, where this site has them."""

        def database(kind: DatabaseKind, reference: Reference) -> ScannerDatabase:
            located = context.mirrors.locate(reference)
            return ScannerDatabase(kind, context.registry, located, context.cache, offline=context.offline)

        project = context.plan.project
        listing = project.grype_db
        grype = GrypeDatabase(
            context.registry,
            listing,
            context.cache,
            mirror=mirrored(context.mirrors, listing),
            offline=context.offline,
        )
        return cls(
            database(VULNERABILITIES, project.vulnerability_db), database(JAVA, project.java_db), grype
        )

    def by(self, scanner: str) -> DataSource:
        """What a scanner knows of vulnerabilities."""
        return {"trivy": self.vulnerabilities, "grype": self.grype}[scanner]

    async def outdate(self, scan: Scan, scanners: Collection[str]) -> bool:
        """Whether these scanners may find more today than a scan did. Raises as `DataSource.digest`."""
        known = {tool.name: tool for tool in scan.scanners}
        for name in scanners:
            await self.by(name).digest()
            tool = known.get(name)
            if tool is None or await self.by(name).outdates(tool.data_digest, tool.data_date):
                return True
        java = scan.java
        return java is not None and await self.java.outdates(java.digest, java.date)


async def _fetch(kind: DatabaseKind, registry: Registry, reference: Reference, cache: Path) -> Database:
    """The database with this digest from the cache or the registry: verified, unpacked, then renamed."""
    digest = reference.digest
    assert digest
    folder = cache / digest.hex
    if not (folder / _METADATA).is_file():
        manifest = await registry.get_manifest(reference)
        layers = manifest.layers if manifest else ()
        layer = next((layer for layer in layers if layer.media_type == kind.layer_type), None)
        if layer is None:
            raise RegistryError(f"{reference} is not a {kind.name} of trivy")
        private_folder(folder.parent)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            packed, unpacked = Path(scratch) / "db.tar.gz", Path(scratch) / "db"
            async with await anyio.open_file(packed, "wb") as file:
                async for chunk in registry.stream_blob(reference.repository, layer):
                    await file.write(chunk)
            await anyio.to_thread.run_sync(_unpack, packed, unpacked, kind, str(reference))
            if not folder.exists():
                os.rename(unpacked, folder)  # noqa: PTH104 - atomic, and fails if another run was first
    return Database(folder, digest, _updated(folder))


def _unpack(packed: Path, folder: Path, kind: DatabaseKind, origin: str) -> None:
    """Write the members of a database into a new folder. Raises RegistryError for an archive that is none, lacks one or
    is beyond the limits."""
    from pipeline.oci.layer import EntryKind, LayerFault, LayerLimits, decompressed, entries

    folder.mkdir()
    names: set[str] = set()
    limits = LayerLimits(decompressed=2 * _MAX_MEMBER, entries=_MAX_ENTRIES)
    try:
        with packed.open("rb") as file:
            for entry, body in entries(decompressed(file, limits), limits):
                wanted = (
                    entry.path in kind.members and entry.kind is EntryKind.FILE and entry.path not in names
                )
                if not wanted or entry.size > _MAX_MEMBER:
                    continue
                with (folder / entry.path).open("wb") as member:
                    for chunk in body.chunks():
                        member.write(chunk)
                names.add(entry.path)
    except LayerFault as fault:
        raise RegistryError(
            f"the {kind.name} {origin} cannot be unpacked: {fault.message}",
            hint=f"set {kind.key} in lockage.yml to another one, or mirror it again",
        ) from None
    if names != set(kind.members):
        raise RegistryError(f"{origin} holds {sorted(names)}, expected {sorted(kind.members)}")


def _updated(folder: Path) -> str:
    try:
        return str(json.loads(read_file(folder / _METADATA))["UpdatedAt"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
