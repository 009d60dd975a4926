"""Records in the repository of builds, where every machine finds what any other has built.

A key has two tags: `<key>` is the image's manifest, `<key>-<space>-record` an artifact with the signed record. Only the
record says which image belongs to a key; the tag keeps registries from collecting it. The artifact's first layer is the
record, carried inside the manifest while it is small, so that finding one takes one request. The other layers are the
tools' documents, which the record names, so that a run that was interrupted can still attest them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import anyio

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Repository
from pipeline.oci.artifact import TITLE
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import parse_json

from .record import Record
from .signers import Binding
from .store import ContentKind, Store

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.trust import PublicKey

    from .run_state import RunState
    from .upstream import Upstream

RECORD_TYPE = "application/vnd.lockage.record.v1+json"
RECORD_STATEMENT = "https://lockage.org/statement/record/v1"
DOCUMENT_TYPES = {
    "cyclonedx-json": "application/vnd.cyclonedx+json",
    "spdx-json": "application/spdx+json",
    "syft-json": "application/vnd.syft+json",
    "trivy-json": "application/json",
    "slsa-provenance": "application/json",
}
_KIND = ContentKind(RECORD_TYPE, embeds=True, limit=16 * 1024 * 1024)


class Records:
    """The records of a plan's targets. Each key is read at most once; `state` is consulted first, `upstream` last.

    With `committed`, images that were built from a work tree with changes are as if they were not there: a run of a
    commit builds them again, so that their labels name it.
    """

    def __init__(
        self,
        store: Store,
        targets: Iterable[Target],
        state: RunState | None = None,
        upstream: Upstream | None = None,
        *,
        committed: bool = False,
    ) -> None:
        self.store, self._state, self._upstream, self._committed = store, state, upstream, committed
        self._platforms = {target.key: target.platform for target in targets if target.key}
        self._found: dict[str, Record | None] = {}
        self._reading: dict[str, anyio.Lock] = {}
        self._uncommitted = set[str]()

    @property
    def repository(self) -> Repository:
        """The repository of builds."""
        return self.store.repository

    def is_uncommitted(self, key: str) -> bool:
        """Whether an image of this key is there and does not count, because it was built from changes."""
        return key in self._uncommitted

    async def find(self, key: str) -> Record | None:
        """The record of a key that a trusted key signed, without evidence for an image that was never examined; None
        when there is none. An image under the key without a record is as if it were not there."""
        async with self._reading.setdefault(key, anyio.Lock()):
            if key not in self._found:
                self._found[key] = await self._find(key)
            return self._found[key]

    async def _find(self, key: str) -> Record | None:
        stored = self._state.record(key) if self._state else None
        if stored and self._counts(stored):
            return stored
        for signer in self.store.signers.trusted:
            if stored := await self._read(self.store, key, signer):
                return stored
        if self._upstream and (stored := await self._find_upstream(self._upstream, key)):
            return stored
        if key in self._uncommitted:
            return None
        if await self.store.registry.head(self.repository.tagged(key)) is not None:
            self.store.distrust(key, "no trusted key signed a record of this image")
        return None

    async def _find_upstream(self, upstream: Upstream, key: str) -> Record | None:
        if upstream.faults:
            return None
        for signer in upstream.store.signers.trusted:
            try:
                stored = await self._read(upstream.store, key, signer)
            except RegistryError as fault:
                upstream.faults.append(fault.message)
                return None
            if stored:
                upstream.holds.add(stored.digest)
                if upstream.near:
                    await upstream.bring(stored, self.repository)
                return stored
        return None

    async def built_elsewhere(self, key: str, than: Record | None = None) -> Record | None:
        """The record that another machine with the same signing key wrote meanwhile; None if there is none, or if it is
        of the same image."""
        own = self.store.signers.own
        stored = await self._read(self.store, key, own) if own else None
        return None if stored and than and stored.digest == than.digest else stored

    async def write(self, record: Record, documents: Mapping[str, bytes]) -> Record:
        """Sign and write a record with these documents (by format) beside those it has; gives it with all of them.

        Without a private key, nobody would believe it later: then only its documents are written, for this run.
        """
        if self._upstream and record.digest in self._upstream.holds:
            await self._upstream.bring(record, self.repository)
        registry, known = self.store.registry, dict(record.documents)
        for kind, content in sorted(documents.items()):
            await registry.put_blob(self.repository, content)
            known[kind] = Descriptor.of(content, DOCUMENT_TYPES[kind], annotations={TITLE: kind})
        record = replace(record, documents=known)
        binding = replace(self._binding(record.key), image=record.digest)
        await self.store.write(
            _KIND,
            binding,
            partial(tag_in, key=record.key),
            compact(record.to_stored()),
            layers=[known[kind] for kind in sorted(known)],
        )
        self.keep(record)
        return record

    def keep(self, record: Record) -> None:
        """Keep a record for this run and, with the run state, for later ones."""
        self._found[record.key] = record
        if self._state and not (self._upstream and record.digest in self._upstream.holds):
            self._state.keep_record(record)

    async def _read(self, store: Store, key: str, signer: PublicKey) -> Record | None:
        tag = partial(tag_in, key=key)
        raw = await store.read(_KIND, self._binding(key), tag, signer)
        if raw is None:
            return None
        try:
            record = Record.from_stored(parse_json(raw))
            if record.key != key:
                raise ValueError(f"it is of the key {record.key[:64]}")
        except (ValueError, TypeError) as fault:
            store.distrust(tag(store.signers.space(signer)), str(fault))
            return None
        return record if self._counts(record) else None

    def _counts(self, record: Record) -> bool:
        if self._committed and record.is_dirty:
            self._uncommitted.add(record.key)
            return False
        return True

    def _binding(self, key: str) -> Binding:
        return Binding(RECORD_STATEMENT, key, platform=self._platforms.get(key))


def tag_in(space: str, key: str) -> str:
    """The tag of a key's record in a signer's space."""
    return f"{key}-{space}-record"
