"""The documents of an index: its platforms as components, each with a link to its own document.

CycloneDX: BOM-Link (specification, "BOM-Link"); SPDX: external document references (2.3, 6.6), and VARIANT_OF (11.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from pipeline.model import Digest
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact

from . import cyclonedx, spdx
from .subject import EDITION, SbomSubject


@dataclass(frozen=True, slots=True)
class PlatformDocuments:
    """The documents of one platform: their serial number, and the digest of each by its format."""

    subject: SbomSubject
    serial: UUID
    digests: Mapping[str, Digest]


def index_documents(subject: SbomSubject, platforms: Sequence[PlatformDocuments]) -> dict[str, bytes]:
    """The documents of an index in CycloneDX and SPDX (`cyclonedx-json`, `spdx-json`)."""
    ordered = sorted(platforms, key=lambda each: str(each.subject.platform))
    serial = uuid5(subject.serial("index"), " ".join(str(each.serial) for each in ordered))
    documents = {
        "cyclonedx-json": _cyclonedx(subject, serial, ordered),
        "spdx-json": _spdx(subject, serial, ordered),
    }
    return {name: compact(document) for name, document in documents.items()}


def _cyclonedx(subject: SbomSubject, serial: UUID, platforms: Sequence[PlatformDocuments]) -> dict[str, Any]:
    document = cyclonedx.document(subject, serial, ())
    document["components"] = [_component(each) for each in platforms]
    purls = sorted(each.subject.purl for each in platforms)
    document["dependencies"] = [
        {"ref": subject.purl, "dependsOn": purls},
        *({"ref": purl} for purl in purls),
    ]
    document["compositions"] = [{"aggregate": "complete", "assemblies": [subject.purl]}]
    return document


def _component(platform: PlatformDocuments) -> dict[str, Any]:
    digest = platform.digests["cyclonedx-json"]
    link = {
        "type": "bom",
        "url": f"urn:cdx:{platform.serial}/1",
        "comment": "attested on this image",
        "hashes": [{"alg": "SHA-256", "content": digest.hex}],
    }
    return {**cyclonedx.component(platform.subject), "externalReferences": [link]}


def _spdx(subject: SbomSubject, serial: UUID, platforms: Sequence[PlatformDocuments]) -> dict[str, Any]:
    root = spdx.root_id(subject)
    packages, references = [spdx.package(subject, root)], []
    relationships = [spdx.relationship("SPDXRef-DOCUMENT", "DESCRIBES", root)]
    for each in platforms:
        id, platform = spdx.root_id(each.subject), each.subject.platform
        link = f"DocumentRef-{platform.slug if platform else EDITION}"
        checksum = {"algorithm": "SHA256", "checksumValue": each.digests["spdx-json"].hex}
        references.append(
            {
                "externalDocumentId": link,
                "spdxDocument": spdx.namespace(each.subject, each.serial),
                "checksum": checksum,
            }
        )
        packages.append(spdx.package(each.subject, id))
        relationships += [
            spdx.relationship(root, "CONTAINS", id),
            spdx.relationship(id, "VARIANT_OF", root),
            spdx.relationship(id, "DESCRIBED_BY", f"{link}:SPDXRef-DOCUMENT"),
        ]
    return {
        **spdx.document(subject, serial, ()),
        "externalDocumentRefs": references,
        "packages": packages,
        "relationships": relationships,
    }
