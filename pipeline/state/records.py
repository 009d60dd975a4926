"""Records in the repository of builds, where every machine finds what any other has built.

Each key has two tags: `<key>` is the image's manifest, `<key>-record` an artifact. The artifact's first layer is the
record, carried inside the manifest (descriptor `data`, image-spec v1.1) while it is small, so that finding one takes
one request. The other layers are the tools' documents, so that a run that was interrupted can still attest them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import EMPTY_JSON
from pipeline.oci.artifact import TITLE, artifact_manifest

from .record import Record

if TYPE_CHECKING:
    from pipeline.registry import Registry

    from .run_state import RunState

RECORD_TYPE = "application/vnd.lockage.record.v1+json"
DOCUMENT_TYPES = {
    "cyclonedx-json": "application/vnd.cyclonedx+json",
    "spdx-json": "application/spdx+json",
    "syft-json": "application/vnd.syft+json",
    "trivy-json": "application/json",
}
_EMBEDDED_LIMIT = 256 * 1024
_RECORD_LIMIT = 16 * 1024 * 1024


class Records:
    """The records of a repository of builds. Each key is read at most once; `state` is consulted first."""

    def __init__(self, registry: Registry, repository: Repository, state: RunState | None = None) -> None:
        self._registry, self.repository, self._state = registry, repository, state
        self._found: dict[str, Record | None] = {}
        self._reading: dict[str, anyio.Lock] = {}

    async def find(self, key: str) -> Record | None:
        """The record of a key; without evidence for an image that was built and never examined; None without either."""
        async with self._reading.setdefault(key, anyio.Lock()):
            if key not in self._found:
                self._found[key] = await self._find(key)
            return self._found[key]

    async def _find(self, key: str) -> Record | None:
        stored = self._state.record(key) if self._state else None
        stored = stored or await read_record(self._registry, self.repository, key)
        if stored is not None:
            return stored
        manifest = await self._registry.get_manifest(self.repository.tagged(key))
        return Record.unexamined(key, manifest) if manifest else None

    async def replacement(self, record: Record) -> Record | None:
        """The record of the image that the key's tag names by now, if another machine built it meanwhile; else None."""
        manifest = await self._registry.get_manifest(self.repository.tagged(record.key))
        if manifest is None or manifest.digest == record.digest:
            return None
        stored = await read_record(self._registry, self.repository, record.key)
        if stored is not None and stored.digest == manifest.digest:
            return stored
        return Record.unexamined(record.key, manifest)

    async def write(self, record: Record, documents: Mapping[str, bytes]) -> Record:
        """Write a record with these documents (by format) beside those it has; gives it with all of them."""
        written = await _write_record(self._registry, self.repository, record, documents)
        self.keep(written)
        return written

    def keep(self, record: Record) -> None:
        """Keep a record for this run and, with the run state, for later ones."""
        self._found[record.key] = record
        if self._state:
            self._state.keep_record(record)


async def read_record(registry: Registry, repository: Repository, key: str) -> Record | None:
    """The record that the registry has for a key; None when there is none, or none that can be read."""
    manifest = await registry.get_manifest(repository.tagged(f"{key}-record"))
    if manifest is None or manifest.data.get("artifactType") != RECORD_TYPE:
        return None
    try:
        layer, *others = manifest.data["layers"]
        descriptor = Descriptor.from_oci(layer)
        if descriptor.size > _RECORD_LIMIT:
            return None
        embedded = layer.get("data")
        raw = (
            base64.b64decode(embedded, validate=True)
            if embedded
            else await registry.blob(repository, descriptor)
        )
        if Digest.of(raw) != descriptor.digest:
            return None
        record = Record.from_bytes(raw, _documents(map(Descriptor.from_oci, others)))
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None  # without a readable record, the target is built again
    return record if record.key == key else None


async def _write_record(
    registry: Registry, repository: Repository, record: Record, new: Mapping[str, bytes]
) -> Record:
    """Documents first, the tag last."""
    documents = dict(record.documents)
    for kind, content in sorted(new.items()):
        await registry.put_blob(repository, content)
        documents[kind] = Descriptor.of(content, DOCUMENT_TYPES[kind], annotations={TITLE: kind})
    record = replace(record, documents=documents)
    raw = record.to_bytes()
    layer = Descriptor.of(raw, RECORD_TYPE)
    manifest = artifact_manifest(
        RECORD_TYPE,
        [layer, *(documents[kind] for kind in sorted(documents))],
        annotations={"org.lockage.key": record.key, "org.lockage.digest": str(record.digest)},
        embedded={layer.digest: raw} if len(raw) <= _EMBEDDED_LIMIT else {},
    )
    await registry.put_blob(repository, EMPTY_JSON)
    await registry.put_blob(repository, raw)
    await registry.put_manifest(repository, manifest.raw, manifest.media_type, tag=f"{record.key}-record")
    return record


def _documents(layers: Iterable[Descriptor]) -> dict[str, Descriptor]:
    titled = ((layer.annotations.get(TITLE, ""), layer) for layer in layers)
    return {title: layer for title, layer in titled if title in DOCUMENT_TYPES}
