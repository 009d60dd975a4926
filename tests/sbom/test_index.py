"""The documents of an index name its platforms and link to theirs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from pipeline.model import Digest, Platform
from pipeline.sbom import PlatformDocuments, index_documents

from .test_subject import SUBJECT

INDEX = replace(SUBJECT, platform=None, digest=Digest.of(b"index"))


def platform(name: str) -> PlatformDocuments:
    subject = replace(SUBJECT, digest=Digest.of(name.encode()), platform=Platform.parse(name))
    digests = {
        kind: Digest.of(f"{kind} {name}".encode()) for kind in ("cyclonedx-json", "spdx-json", "syft-json")
    }
    return PlatformDocuments(subject, subject.serial("1.18.1"), digests)


ARM, AMD = platform("linux/arm64"), platform("linux/amd64")


def made(*platforms: PlatformDocuments) -> dict[str, Any]:
    return {name: json.loads(raw) for name, raw in index_documents(INDEX, platforms).items()}


def test_the_same_bytes_in_any_order_and_others_for_other_documents() -> None:
    assert index_documents(INDEX, [ARM, AMD]) == index_documents(INDEX, [AMD, ARM])
    other = replace(AMD, serial=AMD.subject.serial("1.19.0"))
    first, second = made(ARM, AMD), made(ARM, other)
    assert first["cyclonedx-json"]["serialNumber"] != second["cyclonedx-json"]["serialNumber"]
    assert first["spdx-json"]["documentNamespace"] != second["spdx-json"]["documentNamespace"]


def test_cyclonedx_links_to_the_bill_of_each_platform() -> None:
    document = made(ARM, AMD)["cyclonedx-json"]
    root = document["metadata"]["component"]
    assert root["purl"] == root["bom-ref"] == INDEX.purl
    assert root["hashes"] == [{"alg": "SHA-256", "content": INDEX.digest.hex}]
    purls = [AMD.subject.purl, ARM.subject.purl]
    assert [c["purl"] for c in document["components"]] == purls
    assert document["dependencies"][0] == {"ref": INDEX.purl, "dependsOn": sorted(purls)}
    [link] = document["components"][0]["externalReferences"]
    assert link["url"] == f"urn:cdx:{AMD.serial}/1" and link["type"] == "bom"
    assert link["hashes"] == [{"alg": "SHA-256", "content": AMD.digests["cyclonedx-json"].hex}]


def test_spdx_refers_to_the_document_of_each_platform() -> None:
    document = made(ARM, AMD)["spdx-json"]
    references = {r["externalDocumentId"]: r for r in document["externalDocumentRefs"]}
    assert references["DocumentRef-linux-arm64"]["checksum"] == {
        "algorithm": "SHA256",
        "checksumValue": ARM.digests["spdx-json"].hex,
    }
    edges = {
        (r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"])
        for r in document["relationships"]
    }
    root, child = "SPDXRef-DocumentRoot-Image-app", "SPDXRef-DocumentRoot-Image-app-linux-arm64"
    assert {
        ("SPDXRef-DOCUMENT", "DESCRIBES", root),
        (root, "CONTAINS", child),
        (child, "VARIANT_OF", root),
        (child, "DESCRIBED_BY", "DocumentRef-linux-arm64:SPDXRef-DOCUMENT"),
    } <= edges
