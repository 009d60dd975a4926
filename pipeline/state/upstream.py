"""A repository of builds that a run reads and never writes: its own records and images are elsewhere."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from pipeline.model import Digest, Repository
from pipeline.util.dataclass import dataclass

from .store import Store

if TYPE_CHECKING:
    from .record import Record


@dataclass(frozen=True, slots=True)
class Upstream:
    """What is known there by `store`. `holds` are the images of records that were found there, as long as the run's own
    repository does not have them. With `near`, both are in one registry, and images are mounted as soon as they are
    found. `faults` say why it cannot be read: then it knows nothing, and everything is built."""

    store: Store
    near: bool = False
    holds: set[Digest] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to report once all is read."""
        unread = [
            f"{self.repository} cannot be read, so nothing is reused: {fault}" for fault in self.faults[:1]
        ]
        return (*self.store.warnings, *unread)

    @property
    def repository(self) -> Repository:
        """The repository that is read."""
        return self.store.repository

    async def bring(self, record: Record, destination: Repository) -> None:
        """Copy the image of a record, BuildKit's attestations and the tools' documents. Raises RegistryError."""
        registry, source = self.store.registry, self.repository
        await registry.copy(source, record.digest, destination, tag=record.key, referrers=False)
        for attestation in record.attestations:
            await registry.copy(source, attestation.digest, destination, referrers=False)
        for document in record.documents.values():
            await registry.put_blob(destination, await registry.blob(source, document))
        self.holds.discard(record.digest)
