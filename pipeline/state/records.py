"""Key -> digest and what is known of it, kept in the registry so that any machine profits from any other.

In the repository of builds each key has two tags: `<key>` is the image manifest, `<key>-record` an
artifact. Its first layer is the record below, carried inside the manifest itself (descriptor
`data`, image-spec v1.1) while it is small, so that recalling a target is one request; the others are the
documents that the tools wrote, so that a run that was interrupted can still attest them.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.build_warning import BuildWarning
from pipeline.model.descriptor import EMPTY_JSON
from pipeline.oci.artifact import TITLE, artifact_manifest
from pipeline.policy import Evidence
from pipeline.util.canonical_json import compact

if TYPE_CHECKING:
    from pipeline.registry import Registry

RECORD_TYPE = "application/vnd.lockage.record.v1+json"
DOCUMENT_TYPES = {
    "cyclonedx-json": "application/vnd.cyclonedx+json",
    "spdx-json": "application/spdx+json",
    "syft-json": "application/vnd.syft+json",
    "trivy-json": "application/json",
}
_INLINE = 256 * 1024
_MAX_RECORD = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """What is known under a key. `tests` is the digest of the test file the tests were run from; `attested` that of
    the vulnerability data whose findings are signed; `documents` are the tools' own reports by format, as blobs of
    the repository of builds."""

    key: str
    digest: Digest
    evidence: Evidence
    tests: str = ""
    revision: str = ""
    attested: str = ""
    documents: Mapping[str, Descriptor] = field(default_factory=dict, hash=False)
    attestations: tuple[Descriptor, ...] = ()  # BuildKit's, manifests of the repository of builds
    warnings: tuple[BuildWarning, ...] = ()  # of BuildKit's build checks

    @property
    def findings(self) -> str:
        """The digest of the vulnerability data that the findings are of; empty when there are none."""
        scan = self.evidence.scan
        return (scan.tool.data_digest or "") if scan else ""

    def to_bytes(self) -> bytes:
        """The layer's bytes; the same record is the same bytes."""
        return compact(self.to_json())

    @classmethod
    def from_bytes(cls, raw: bytes, documents: Mapping[str, Descriptor]) -> Record:
        """Read a record; raises ValueError for anything else."""
        try:
            return cls.from_json(json.loads(raw), documents)
        except RecursionError as fault:
            raise ValueError(f"not a record: {fault!r}") from None

    def to_json(self) -> dict[str, Any]:
        """The record as data, without its documents."""
        return {
            "format_version": 1,
            "key": self.key,
            "digest": str(self.digest),
            "evidence": self.evidence.to_json(),
            "tests": self.tests,
            "revision": self.revision,
            "attested": self.attested,
            **({"attestations": [one.to_oci() for one in self.attestations]} if self.attestations else {}),
            **({"warnings": [one.to_json() for one in self.warnings]} if self.warnings else {}),
        }

    @classmethod
    def from_json(cls, data: Any, documents: Mapping[str, Descriptor]) -> Record:
        """The record that `to_json` gave; raises ValueError for anything else."""
        try:
            if data["format_version"] != 1:
                raise ValueError(f"record format {data['format_version']!r}")
            return cls(
                str(data["key"]),
                Digest(data["digest"]),
                Evidence.from_json(data["evidence"]),
                str(data.get("tests", "")),
                str(data.get("revision", "")),
                str(data.get("attested", "")),
                documents,
                tuple(Descriptor.from_oci(one) for one in data.get("attestations", ())),
                tuple(BuildWarning.from_json(one) for one in data.get("warnings", ())),
            )
        except (KeyError, TypeError, AttributeError) as fault:
            raise ValueError(f"not a record: {fault!r}") from None


async def read_record(registry: Registry, builds: Repository, key: str) -> Record | None:
    """What the registry knows under a key; None when it knows nothing, or nothing that can be read."""
    manifest = await registry.get_manifest(builds.tagged(f"{key}-record"))
    if manifest is None or manifest.data.get("artifactType") != RECORD_TYPE:
        return None
    try:
        layer, *others = manifest.data["layers"]
        found = Descriptor.from_oci(layer)
        if found.size > _MAX_RECORD:
            return None
        inline = layer.get("data")
        raw = base64.b64decode(inline, validate=True) if inline else await registry.blob(builds, found)
        if Digest.of(raw) != found.digest:
            return None
        described = [Descriptor.from_oci(one) for one in others]
        documents = {d.annotations[TITLE]: d for d in described if d.annotations.get(TITLE) in DOCUMENT_TYPES}
        record = Record.from_bytes(raw, documents)
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None  # a record nobody can read is as good as none: the target is built again
    return record if record.key == key else None


async def write_record(
    registry: Registry, builds: Repository, record: Record, new: Mapping[str, bytes]
) -> Record:
    """Write the record with the documents in `new` (by format) beside those it has; its tag last."""
    documents = dict(record.documents)
    for kind, content in sorted(new.items()):
        described = Descriptor.of(content, DOCUMENT_TYPES[kind], annotations={TITLE: kind})
        await registry.put_blob(builds, content)
        documents[kind] = described
    record = replace(record, documents=documents)
    raw = record.to_bytes()
    layer = Descriptor.of(raw, RECORD_TYPE)
    manifest = artifact_manifest(
        RECORD_TYPE,
        [layer, *(documents[kind] for kind in sorted(documents))],
        annotations={"org.lockage.key": record.key, "org.lockage.digest": str(record.digest)},
        embedded={layer.digest: raw} if len(raw) <= _INLINE else {},
    )
    await registry.put_blob(builds, EMPTY_JSON)
    await registry.put_blob(builds, raw)
    await registry.put_manifest(builds, manifest.raw, manifest.media_type, tag=f"{record.key}-record")
    return record
