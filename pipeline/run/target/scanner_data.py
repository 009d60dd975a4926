"""The scanner's data: fetched by digest, kept in the user's cache, given to scans as files.

Trivy has two databases: vulnerabilities by package, and Maven's artifacts by checksum and name, which it needs only for
images that hold Java archives.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from pipeline.errors import EnvironmentProblem, RegistryError
from pipeline.model import Digest, Reference
from pipeline.util.files import read_file, replace_file
from pipeline.util.private_folder import private_folder

if TYPE_CHECKING:
    from pipeline.policy import Scan
    from pipeline.registry import Registry

    from ..context import RunContext

_METADATA = "metadata.json"
_MAX_MEMBER = 4 * 1024**3
_MAX_ENTRIES = 1000
_MAX_NAME = 200  # bytes


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


@dataclass(frozen=True, slots=True)
class Database:
    """A database on disk: `folder` holds its file and metadata.json; `updated` is ISO 8601, from its publisher."""

    folder: Path
    digest: Digest
    updated: str


class ScannerDatabase:
    """One database for a whole run: resolved once, fetched once, and only when it is needed.

    With `offline`, it is what was last fetched by this reference, and nothing is requested.
    """

    def __init__(
        self,
        kind: DatabaseKind,
        registry: Registry,
        reference: Reference,
        cache: Path,
        *,
        offline: bool = False,
    ) -> None:
        self.kind, self.reference, self.offline = kind, reference, offline
        self._registry, self._cache = registry, cache / kind.folder
        self._lock = anyio.Lock()
        self._looked_up = False
        self._digest: Digest | None = None
        self._database: Database | None = None

    async def find(self) -> Digest | None:
        """The digest of today's data, None where the registry (offline: the cache) has none; one HEAD."""
        async with self._lock:
            if not self._looked_up:
                self._digest = self._cached() if self.offline else await self._resolved()
                self._looked_up = True
            return self._digest

    async def _resolved(self) -> Digest | None:
        descriptor = await self._registry.head(self.reference)
        return descriptor.digest if descriptor else None

    def _cached(self) -> Digest | None:
        """The data that the reference named when it was last fetched, if it is still there."""
        digest = self.reference.digest
        try:
            digest = digest or Digest(read_file(self._last, _MAX_NAME).decode().strip())
        except (OSError, ValueError):
            return None
        return digest if (self._cache / digest.hex / _METADATA).is_file() else None

    @property
    def _last(self) -> Path:
        """Which digest was fetched last by this reference."""
        return self._cache / f"last-{Digest.of(str(self.reference).encode()).hex}"

    async def digest(self) -> Digest:
        """The digest of today's data. Raises RegistryError when there is none, EnvironmentProblem offline."""
        digest = await self.find()
        if digest is None and self.offline:
            raise EnvironmentProblem(
                f"offline, and the {self.kind.name} {self.reference} is not in the cache ({self._cache})",
                hint="run the same once without --offline (LOCKAGE_OFFLINE), which fetches it",
            )
        if digest is None:
            raise RegistryError(
                f"no {self.kind.name} at {self.reference}",
                hint=f"set {self.kind.key} in lockage.yml to one that this site can reach",
            )
        return digest

    async def fetch(self) -> Database:
        """The data on this machine's disk. Raises as `digest`."""
        digest = await self.digest()
        async with self._lock:
            if self._database is None:
                exact = self.reference.repository.at(digest)
                self._database = await _fetch(self.kind, self._registry, exact, self._cache)
                if self._cached() != digest:
                    replace_file(self._last, f"{digest}\n")
            return self._database

    async def outdates(self, digest: str | None, updated: str | None) -> bool:
        """Whether today's data is other data than that with this digest, and not older; false where there is none."""
        found = await self.find()
        if found is None or str(found) == digest:
            return False
        return (await self.fetch()).updated >= (updated or "")


@dataclass(frozen=True, slots=True)
class ScannerData:
    """Both databases of a run."""

    vulnerabilities: ScannerDatabase
    java: ScannerDatabase

    @classmethod
    def of(cls, context: RunContext) -> ScannerData:
        """The databases that lockage.yml names, where this site has them."""

        def database(kind: DatabaseKind, reference: Reference) -> ScannerDatabase:
            located = context.mirrors.locate(reference)
            return ScannerDatabase(kind, context.registry, located, context.cache, offline=context.offline)

        project = context.plan.project
        return cls(database(VULNERABILITIES, project.vulnerability_db), database(JAVA, project.java_db))

    async def outdate(self, scan: Scan) -> bool:
        """Whether today's data may find more than a scan did. Raises as `ScannerDatabase.digest`."""
        await self.vulnerabilities.digest()
        if await self.vulnerabilities.outdates(scan.tool.data_digest, scan.tool.data_date):
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
    from pipeline.oci.layer import Kind, LayerFault, LayerLimits, decompressed, entries

    folder.mkdir()
    names: set[str] = set()
    limits = LayerLimits(decompressed=2 * _MAX_MEMBER, entries=_MAX_ENTRIES)
    try:
        with packed.open("rb") as file:
            for entry, body in entries(decompressed(file, limits), limits):
                wanted = entry.path in kind.members and entry.kind is Kind.FILE and entry.path not in names
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
