"""Grype's data: an archive that its listing (`latest.json`, schema 6) names by checksum, kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import anyio

from pipeline.engine.scanners.grype import DATABASE
from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Mirrors, Reference, Repository
from pipeline.oci.artifact import TITLE
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file
from pipeline.util.json.values import as_object, as_text, parse_json
from pipeline.util.private_folder import private_folder
from pipeline.util.sizes import GIB, size_text

from .data_source import Database, DataSource

if TYPE_CHECKING:
    from pipeline.registry import Registry

LISTING = "latest.json"
SCHEMA = 6
"""The schema of the data that the pinned grype reads."""
_MOST = 4 * GIB
_ENDINGS = (".tar.zst", ".tar.gz", ".tar.xz", ".tar")


@dataclass(frozen=True, slots=True)
class Listed:
    """What a listing says of today's data: the archive's address below the listing's, its checksum, when it was
    built (RFC 3339)."""

    path: str
    checksum: Digest
    built: str

    @property
    def file(self) -> str:
        """The name of the archive in the cache; grype goes by its ending."""
        return DATABASE + next(ending for ending in _ENDINGS if self.path.endswith(ending))

    @classmethod
    def parse(cls, raw: bytes) -> Listed:
        """Read `latest.json`. Raises ValueError for anything else."""
        try:
            data = as_object(parse_json(raw))
            schema = as_text(data["schemaVersion"])
            path, built = as_text(data["path"]), as_text(data["built"])
            checksum = Digest(as_text(data["checksum"]))
        except KeyError as missing:
            raise ValueError(f"{missing} is missing") from None
        if not schema.lstrip("v").startswith(f"{SCHEMA}."):
            raise ValueError(f"its data is of schema {schema[:20]!r}, and grype reads {SCHEMA}")
        if urlsplit(path).scheme or not path.endswith(_ENDINGS) or ".." in PurePosixPath(path).parts:
            raise ValueError(f"{path[:80]!r} is not the path of an archive ({', '.join(_ENDINGS)})")
        datetime.fromisoformat(built)
        return cls(path, checksum, built)


class GrypeDatabase(DataSource):
    """Grype's database, by the address of its listing; from the artifact `mirror` where the address's host has one.

    Listing and archive are layers of the artifact, named as the files are.
    """

    def __init__(
        self,
        registry: Registry,
        address: str,
        cache: Path,
        *,
        mirror: Reference | None = None,
        offline: bool = False,
    ) -> None:
        super().__init__(
            "vulnerability database of grype",
            "grype_db",
            str(mirror or address),
            cache / "grype-db",
            offline=offline,
        )
        self._registry, self._url, self._mirror = registry, address, mirror
        self._listing = b""
        self._layers: dict[str, Descriptor] = {}

    async def resolve(self) -> Digest | None:
        """The checksum that the listing names. Raises RegistryError."""
        if self._mirror is None:
            self._listing = await self._registry.document(self._url)
            return self._read(self._listing).checksum
        manifest = await self._registry.get_manifest(self._mirror)
        if manifest is None:
            return None
        self._layers = {layer.annotations.get(TITLE, ""): layer for layer in manifest.layers}
        listing = self._layer(LISTING)
        self._listing = await self._registry.blob(self._mirror.repository, listing)
        return self._read(self._listing).checksum

    def holds(self, digest: Digest) -> bool:
        """Whether the cache has the archive with this checksum."""
        return (self.cache / digest.hex / LISTING).is_file()

    async def load(self, digest: Digest) -> Database:
        """The archive with this checksum: from the cache, or downloaded and verified. Raises RegistryError."""
        folder = self.cache / digest.hex
        if not self.holds(digest):
            listed = self._read(self._listing)
            private_folder(self.cache)
            with tempfile.TemporaryDirectory(dir=self.cache) as scratch:
                made = Path(scratch) / "db"
                made.mkdir()
                await self._download(listed, made / listed.file)
                (made / LISTING).write_bytes(self._listing)
                if not folder.exists():
                    os.rename(made, folder)  # noqa: PTH104 - atomic, and fails if another run was first
        return Database(folder, digest, self._read(read_file(folder / LISTING)).built)

    async def _download(self, listed: Listed, target: Path) -> None:
        url, received, hashed = urljoin(self._url, listed.path), 0, hashlib.sha256()
        chunks = self._registry.download(url)
        if self._mirror is not None:
            layer = self._layer(PurePosixPath(listed.path).name)
            url, chunks = self.address, self._registry.stream_blob(self._mirror.repository, layer)
        async with await anyio.open_file(target, "wb") as file:
            async for chunk in chunks:
                received += len(chunk)
                if received > _MOST:
                    raise RegistryError(f"{url} is larger than {size_text(_MOST)}", hint=self._hint)
                hashed.update(chunk)
                await file.write(chunk)
        if hashed.hexdigest() != listed.checksum.hex:
            raise RegistryError(
                f"{url} has the checksum sha256:{hashed.hexdigest()}, and {self.address} says {listed.checksum}",
                hint="a mirror may be in the middle of an update: run again, or mirror it again",
            )

    def _layer(self, name: str) -> Descriptor:
        """The layer with a file. Raises RegistryError."""
        if name not in self._layers:
            raise RegistryError(
                f"{self.address} has no layer named {name}",
                hint=f"lockage artifact push {self.address} {LISTING} ARCHIVE pushes both files",
            )
        return self._layers[name]

    def _read(self, raw: bytes) -> Listed:
        try:
            return Listed.parse(raw)
        except ValueError as fault:
            raise RegistryError(
                f"{self.address} is not a listing of grype's data: {fault}", hint=self._hint
            ) from None

    @property
    def _hint(self) -> str:
        return f"set {self.key} in lockage.yml to the latest.json of schema {SCHEMA} at a server that has it"


def mirrored(mirrors: Mirrors, address: str) -> Reference | None:
    """The artifact that stands for a listing where its host has a mirror: `grype.anchore.io/databases/v6:latest` there
    for `https://grype.anchore.io/databases/v6/latest.json`. None for an address whose path is no repository's."""
    parts = urlsplit(address)
    if parts.netloc not in mirrors.by_host:
        return None
    path = PurePosixPath(parts.path.lstrip("/"))
    try:
        reference = Repository(parts.netloc, str(path.parent)).tagged(path.stem)
    except ValueError:
        return None
    return mirrors.locate(reference)


def archive_of(database: Database) -> str:
    """The name of the archive in a database's folder. Raises RegistryError for a folder that is damaged."""
    try:
        return Listed.parse(read_file(database.folder / LISTING)).file
    except (OSError, ValueError) as fault:
        raise RegistryError(
            f"{database.folder} is damaged: {fault}", hint=f"rm -r {database.folder}, then run again"
        ) from None
