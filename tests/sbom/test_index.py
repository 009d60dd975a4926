"""The documents of an index name its platforms and link to theirs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.model import Digest, Platform
from pipeline.sbom import PlatformDocuments, SbomSubject, index_documents
from pipeline.sbom.spdx import root_id

from .test_subject import SUBJECT

INDEX = replace(SUBJECT, platform=None, digest=Digest.of(b"index"))


def platform(name: str) -> PlatformDocuments:
    subject = replace(SUBJECT, digest=Digest.of(name.encode()), platform=Platform.parse(name))
    digests = {
        kind: Digest.of(f"{kind} {name}".encode()) for kind in ("cyclonedx-json", "spdx-json", "syft-json")
    }
    return PlatformDocuments(subject, subject.serial("1.18.1"), digests, listed(subject))


def listed(subject: SbomSubject) -> dict[str, Any]:
    """A platform's documents with a package of its own, one of all platforms, and a file."""
    own = f"pkg:deb/debian/own@1?arch={subject.platform and subject.platform.architecture}"
    refs = [own, "pkg:deb/debian/all@1?arch=all", "file"]
    types = ["library", "library", "file"]
    root, spdx_root = subject.purl, root_id(subject)
    ids = ["SPDXRef-Package-" + Digest.of(ref.encode()).hex[:8] for ref in refs[:2]]
    licence = {"licenseId": "LicenseRef-a", "extractedText": "a"}
    return {
        "cyclonedx-json": {
            "metadata": {
                "component": {"bom-ref": root},
                "tools": {"components": [{"name": "syft", "version": "1"}, {"name": "lockage-sbom"}]},
            },
            "components": [{"bom-ref": ref, "type": type} for ref, type in zip(refs, types, strict=True)],
            "dependencies": [
                {"ref": root, "dependsOn": [own, "file"]},
                {"ref": own, "dependsOn": refs[1:2]},
                {"ref": "file"},
            ],
        },
        "spdx-json": {
            "creationInfo": {
                "creators": ["Tool: syft-1", "Tool: lockage-sbom-2", "Organization: a"],
                "comment": "c",
            },
            "files": [{"SPDXID": "SPDXRef-File-a"}],
            "packages": [
                *({"SPDXID": id, "filesAnalyzed": True, "packageVerificationCode": {}} for id in ids),
                {"SPDXID": spdx_root},
            ],
            "relationships": [
                {"spdxElementId": one, "relationshipType": "CONTAINS", "relatedSpdxElement": other}
                for one, other in [
                    ("SPDXRef-DOCUMENT", spdx_root),
                    (spdx_root, ids[0]),
                    (ids[0], ids[1]),
                    (ids[0], "SPDXRef-File-a"),
                ]
            ],
            "hasExtractedLicensingInfos": [licence],
        },
    }


def bare(platform: PlatformDocuments) -> PlatformDocuments:
    """The same where nobody can read the documents."""
    return replace(platform, documents={name: {} for name in platform.documents})


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
    assert [c["purl"] for c in document["components"][:2]] == purls
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


def test_the_packages_of_all_platforms_are_listed_once() -> None:
    """A scanner that reads the document of a tag follows no links: without packages, it would find nothing wrong."""
    document = made(ARM, AMD)["cyclonedx-json"]
    shared = "pkg:deb/debian/all@1?arch=all"
    own = {each: f"pkg:deb/debian/own@1?arch={each}" for each in ("amd64", "arm64")}
    assert [c["bom-ref"] for c in document["components"][2:]] == [shared, own["amd64"], own["arm64"]]
    edges = {entry["ref"]: entry["dependsOn"] for entry in document["dependencies"]}
    assert edges[AMD.subject.purl] == [own["amd64"]] and edges[ARM.subject.purl] == [own["arm64"]]
    assert edges[own["amd64"]] == edges[own["arm64"]] == [shared]
    assert [tool["name"] for tool in document["metadata"]["tools"]["components"]] == ["syft", "lockage-sbom"]


def test_spdx_lists_the_packages_and_no_files() -> None:
    document = made(ARM, AMD)["spdx-json"]
    packages = document["packages"][3:]
    assert len(packages) == 3 and not any(
        p["filesAnalyzed"] or "packageVerificationCode" in p for p in packages
    )
    ids = {p["SPDXID"] for p in document["packages"]} | {"SPDXRef-DOCUMENT"}
    for each in document["relationships"]:
        assert each["spdxElementId"] in ids
        assert each["relatedSpdxElement"] in ids or each["relationshipType"] == "DESCRIBED_BY"
    assert sum(each["relationshipType"] == "CONTAINS" for each in document["relationships"]) == 2 + 2 + 2
    assert "files" not in document and len(document["hasExtractedLicensingInfos"]) == 1
    creators = document["creationInfo"]["creators"]
    assert [c for c in creators if c.startswith("Tool: ")] == ["Tool: syft-1", "Tool: lockage-sbom-2"]


def test_what_would_be_too_large_lists_the_platforms_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, links = made(ARM, AMD), made(bare(ARM), bare(AMD))
    assert len(links["cyclonedx-json"]["components"]) == 2 and len(links["spdx-json"]["packages"]) == 3
    assert links["cyclonedx-json"]["serialNumber"] != whole["cyclonedx-json"]["serialNumber"]
    unreadable = replace(ARM, documents={**ARM.documents, "cyclonedx-json": {"components": [{"name": "a"}]}})
    assert made(unreadable, AMD) == links
    monkeypatch.setattr("pipeline.sbom.index.MAX_ATTESTED", 10)
    assert made(ARM, AMD) == links
