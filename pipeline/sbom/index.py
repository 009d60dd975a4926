"""The documents of an index: its platforms as components, each with a link to its own document, and the packages of all
platforms, each once. Files are in the documents of the platforms alone.

Scanners that read the document of a tag (`trivy image --sbom-sources oci`) read this one and follow no links: without
packages, they would find nothing wrong. CycloneDX: BOM-Link (specification, "BOM-Link"); SPDX: external document
references (2.3, 6.6), and VARIANT_OF (11.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid5

from pipeline.model import Digest
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact

from . import cyclonedx, spdx
from .complete import MAX_ATTESTED
from .subject import EDITION, SbomSubject

_CYCLONEDX, _SPDX = "cyclonedx-json", "spdx-json"


@dataclass(frozen=True, slots=True)
class PlatformDocuments:
    """The documents of one platform: their serial number, and the digest and the content of each by its format, empty
    where nobody can read it."""

    subject: SbomSubject
    serial: UUID
    digests: Mapping[str, Digest]
    documents: Mapping[str, Any]


def index_documents(subject: SbomSubject, platforms: Sequence[PlatformDocuments]) -> dict[str, bytes]:
    """The documents of an index in CycloneDX and SPDX (`cyclonedx-json`, `spdx-json`); they list the platforms
    alone where one would be too large to attest, or nobody can read those of a platform."""
    ordered = sorted(platforms, key=lambda each: str(each.subject.platform))
    made: dict[str, bytes] = {}
    with suppress(KeyError, TypeError, AttributeError):
        made = _documents(subject, ordered)
    if made and all(len(document) <= MAX_ATTESTED for document in made.values()):
        return made
    links = [
        PlatformDocuments(each.subject, each.serial, each.digests, {_CYCLONEDX: {}, _SPDX: {}})
        for each in ordered
    ]
    return _documents(subject, links)


def _documents(subject: SbomSubject, platforms: Sequence[PlatformDocuments]) -> dict[str, bytes]:
    serial = _serial(subject, platforms)
    return {
        _CYCLONEDX: compact(_cyclonedx(subject, serial, platforms)),
        _SPDX: compact(_spdx(subject, serial, platforms)),
    }


def _serial(subject: SbomSubject, platforms: Sequence[PlatformDocuments]) -> UUID:
    """Another one for a document of links alone."""
    listed = all(each.documents[_CYCLONEDX] for each in platforms)
    base = subject.serial("index with packages" if listed else "index")
    return uuid5(base, " ".join(str(each.serial) for each in platforms))


def _cyclonedx(subject: SbomSubject, serial: UUID, platforms: Sequence[PlatformDocuments]) -> dict[str, Any]:
    documents = [each.documents[_CYCLONEDX] for each in platforms]
    packages = {
        each["bom-ref"]: each
        for one in reversed(documents)
        for each in one.get("components") or ()
        if each.get("type") != "file"
    }
    purls = sorted(each.subject.purl for each in platforms)
    edges: dict[str, set[str]] = {subject.purl: set(purls), **{purl: set() for purl in purls}}
    for each, one in zip(platforms, documents, strict=True):
        root = one["metadata"]["component"]["bom-ref"] if one else ""
        for entry in one.get("dependencies") or ():
            ref = each.subject.purl if entry["ref"] == root else entry["ref"]
            if ref in packages or ref in edges:
                edges.setdefault(ref, set()).update(packages.keys() & set(entry.get("dependsOn") or ()))
    tools = {compact(tool): tool for one in documents if one for tool in _tools(one)}
    document = cyclonedx.document(subject, serial, [tools[name] for name in sorted(tools)])
    document["components"] = [
        *(_component(each) for each in platforms),
        *(packages[ref] for ref in sorted(packages)),
    ]
    document["dependencies"] = [{"ref": ref, "dependsOn": sorted(edges[ref])} for ref in edges]
    document["compositions"] = [
        {"aggregate": "complete", "assemblies": [subject.purl]},
        {"aggregate": "unknown", "assemblies": purls},
    ]
    return document


def _tools(document: Any) -> Iterator[Any]:
    """The tools that made the document of a platform, besides this program."""
    return (
        tool for tool in document["metadata"]["tools"]["components"] if tool.get("name") != cyclonedx.PROGRAM
    )


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
    merged = spdx.merged([each.documents[_SPDX] for each in platforms], [p["SPDXID"] for p in packages])
    return {
        **spdx.document(subject, serial, merged.tools),
        "externalDocumentRefs": references,
        "packages": [*packages, *merged.packages],
        "relationships": [*relationships, *merged.relationships],
        **({"hasExtractedLicensingInfos": merged.licences} if merged.licences else {}),
    }
