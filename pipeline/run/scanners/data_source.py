"""The data of a scanner for a whole run: resolved once, fetched once, and only when it is needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem, RegistryError
from pipeline.model import Digest
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file, replace_file

_MAX_NAME = 200  # bytes


@dataclass(frozen=True, slots=True)
class Database:
    """A database on disk, in a folder of its own; `updated` is ISO 8601, from its publisher."""

    folder: Path
    digest: Digest
    updated: str


class DataSource(ABC):
    """Data at an address, kept in a folder of the cache by its digest.

    `name` is what messages call it, `key` where lockage.yml names its address. With `offline`, it is what was last
    fetched from this address, and nothing is requested.
    """

    def __init__(self, name: str, key: str, address: str, cache: Path, *, offline: bool) -> None:
        self.name, self.key, self.address, self.offline = name, key, address, offline
        self.cache = cache
        self._lock = anyio.Lock()
        self._looked_up = False
        self._digest: Digest | None = None
        self._database: Database | None = None

    @abstractmethod
    async def resolve(self) -> Digest | None:
        """The digest of today's data; None where there is none."""

    @abstractmethod
    async def load(self, digest: Digest) -> Database:
        """The data with this digest, from the cache or fetched."""

    @abstractmethod
    def holds(self, digest: Digest) -> bool:
        """Whether the cache has the data with this digest."""

    @property
    def pinned(self) -> Digest | None:
        """The digest that the address itself names."""
        return None

    async def find(self) -> Digest | None:
        """The digest of today's data, None where the address (offline: the cache) has none; one request."""
        async with self._lock:
            if not self._looked_up:
                self._digest = self._cached() if self.offline else await self.resolve()
                self._looked_up = True
            return self._digest

    async def digest(self) -> Digest:
        """The digest of today's data. Raises RegistryError when there is none, EnvironmentProblem offline."""
        digest = await self.find()
        if digest is None and self.offline:
            raise EnvironmentProblem(
                f"offline, and the {self.name} {self.address} is not in the cache ({self.cache})",
                hint="run the same once without --offline (LOCKAGE_OFFLINE), which fetches it",
            )
        if digest is None:
            raise RegistryError(
                f"no {self.name} at {self.address}",
                hint=f"set {self.key} in lockage.yml to one that this site can reach",
            )
        return digest

    async def fetch(self) -> Database:
        """The data on this machine's disk. Raises as `digest`."""
        digest = await self.digest()
        async with self._lock:
            if self._database is None:
                self._database = await self.load(digest)
                if self._cached() != digest:
                    replace_file(self._last, f"{digest}\n")
            return self._database

    async def outdates(self, digest: str | None, updated: str | None) -> bool:
        """Whether today's data is other data than that with this digest, and not older; false where there is none."""
        current = await self.find()
        if current is None or str(current) == digest:
            return False
        return (await self.fetch()).updated >= (updated or "")

    def _cached(self) -> Digest | None:
        """The data that the address had when it was last fetched, if it is still there."""
        digest = self.pinned
        try:
            digest = digest or Digest(read_file(self._last, _MAX_NAME).decode().strip())
        except (OSError, ValueError):
            return None
        return digest if self.holds(digest) else None

    @property
    def _last(self) -> Path:
        """Which digest was fetched last from this address."""
        return self.cache / f"last-{Digest.of(self.address.encode()).hex}"
