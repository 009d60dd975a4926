"""What syft's own format says of packages and files."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.sbom.facts import SourcePackage, package_id, read_facts


def facts(*artifacts: Any, **others: Any) -> Any:
    return read_facts({"descriptor": {"name": "syft", "version": "1"}, "artifacts": artifacts, **others})


@pytest.mark.parametrize(
    ("artifact", "source", "properties"),
    [
        (
            {
                "type": "deb",
                "version": "2:1.3-9+b1",
                "metadata": {"source": "src", "sourceVersion": "2:1.3-9"},
            },
            SourcePackage("src", "2:1.3-9"),
            {"SrcName": "src", "SrcVersion": "1.3", "SrcRelease": "9", "SrcEpoch": "2"},
        ),
        (
            {"type": "deb", "version": "1.0", "metadata": {"source": "", "sourceVersion": ""}},
            SourcePackage("name", "1.0"),
            {"SrcName": "name", "SrcVersion": "1.0"},
        ),
        (
            {"type": "apk", "version": "3.5.4-r0", "metadata": {"originPackage": "openssl"}},
            SourcePackage("openssl", "3.5.4-r0"),
            {"SrcName": "openssl", "SrcVersion": "3.5.4-r0"},
        ),
        (
            {
                "type": "rpm",
                "version": "1:3.0.7-24.el9",
                "metadata": {
                    "sourceRpm": "openssl-3.0.7-24.el9.src.rpm",
                    "epoch": 1,
                    "modularityLabel": "m:1",
                },
            },
            SourcePackage("openssl", "1:3.0.7-24.el9"),
            {
                "SrcName": "openssl",
                "SrcVersion": "3.0.7",
                "SrcRelease": "24.el9",
                "SrcEpoch": "1",
                "Modularitylabel": "m:1",
            },
        ),
        ({"type": "rpm", "version": "1-1", "metadata": {"sourceRpm": "(none)"}}, None, {}),
        ({"type": "python", "version": "1", "metadata": None}, None, {}),
    ],
)
def test_source_packages(artifact: Any, source: SourcePackage | None, properties: dict[str, str]) -> None:
    package = facts({"id": "1", "name": "name", **artifact}).packages["1"]
    assert (package.source, package.properties) == (source, properties)


def test_files_without_content_and_the_distribution() -> None:
    files = [
        {"id": "1", "metadata": {"type": "RegularFile", "size": 0}},
        {"id": "2", "metadata": {"type": "RegularFile", "size": 1}},
        {"id": "3", "metadata": {"type": "SymbolicLink", "size": 0}},
        {"id": "4"},
    ]
    found = facts(
        files=files, distro={"id": "alpine", "versionID": "3.22.1", "prettyName": "Alpine Linux v3.22"}
    )
    assert found.empty_files == {"1"}
    assert found.distribution.supplier.spdx == "Organization: Alpine Linux v3.22"
    assert facts(distro={}).distribution is None


@pytest.mark.parametrize(
    ("reference", "id"),
    [
        ("pkg:deb/debian/apt@2.6?arch=amd64&package-id=f86a07949fd86d65&upstream=x", "f86a07949fd86d65"),
        ("f86a07949fd86d65", "f86a07949fd86d65"),
    ],
)
def test_the_id_of_a_package(reference: str, id: str) -> None:
    assert package_id(reference) == id


@pytest.mark.parametrize(
    "document", [{}, {"descriptor": {"name": "trivy"}}, [], "text", {"descriptor": None}]
)
def test_documents_of_others_are_refused(document: Any) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        read_facts(document)
