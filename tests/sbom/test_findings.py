"""A report on a bill of materials as one on the image: the same packages or nothing, and only then today's findings."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.sbom.findings import as_on_image

PLACE = {"Identifier": {"PURL": "pkg:deb/curl"}, "Layer": {"DiffID": "sha256:1"}}
SECRETS = {"Target": "/key", "Class": "secret", "Secrets": [{"RuleID": "aws", "Severity": "HIGH"}]}
IMAGE = {
    "ReportID": "old",
    "CreatedAt": "2026-10-01",
    "ArtifactName": "host/image",
    "Metadata": {"OS": {"Family": "debian", "Name": "12.5"}, "ImageID": "sha256:2"},
    "Results": [
        {
            "Target": "host/image (debian 12.5)",
            "Class": "os-pkgs",
            "Type": "debian",
            "Packages": [
                {
                    "ID": "curl@2:1.0-1",
                    "Name": "curl",
                    "Epoch": 2,
                    "Version": "1.0",
                    "Release": "1",
                    "SrcName": "c",
                    **PLACE,
                }
            ],
            "Vulnerabilities": [
                {"VulnerabilityID": "CVE-1", "PkgName": "curl", "InstalledVersion": "2:1.0-1"}
            ],
        },
        {
            "Target": "Python",
            "Class": "lang-pkgs",
            "Type": "python-pkg",
            "Packages": [
                {"Name": "p", "Version": "1", "FilePath": path} for path in ("a/METADATA", "b/METADATA")
            ],
        },
        SECRETS,
    ],
}
LISTED = {
    "ReportID": "new",
    "CreatedAt": "2026-11-01",
    "ArtifactType": "cyclonedx",
    "Metadata": {"OS": {"Family": "debian", "Name": "12"}},
    "Results": [
        {
            "Type": "debian",
            "Packages": [{"Name": "curl", "Version": "2:1.0-1", "SrcName": "c"}],
            "Vulnerabilities": [
                {"VulnerabilityID": "CVE-2", "PkgName": "curl", "InstalledVersion": "2:1.0-1", "PkgID": "x"}
            ],
        },
        {
            "Type": "python-pkg",
            "Packages": [{"Name": "p", "Version": "1"}] * 2,
            "Vulnerabilities": [{"VulnerabilityID": "CVE-3", "PkgName": "p", "InstalledVersion": "1"}] * 2,
        },
    ],
}


def test_todays_findings_are_where_the_packages_are() -> None:
    made = as_on_image(LISTED, IMAGE)
    assert made and made["CreatedAt"] == "2026-11-01" and made["ReportID"] == "new"
    assert made["ArtifactName"] == "host/image" and made["Metadata"] == IMAGE["Metadata"]
    system, python, secrets = made["Results"]
    assert system["Vulnerabilities"] == [
        {
            "VulnerabilityID": "CVE-2",
            "PkgName": "curl",
            "InstalledVersion": "2:1.0-1",
            "PkgID": "curl@2:1.0-1",
            "PkgIdentifier": PLACE["Identifier"],
            "Layer": PLACE["Layer"],
        }
    ]
    assert [v["PkgPath"] for v in python["Vulnerabilities"]] == ["a/METADATA", "b/METADATA"]
    assert secrets == SECRETS


def test_what_is_no_longer_a_finding_is_gone() -> None:
    listed = copy.deepcopy(LISTED)
    del listed["Results"][0]["Vulnerabilities"]  # type: ignore[index]
    made = as_on_image(listed, IMAGE)
    assert made and "Vulnerabilities" not in made["Results"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["Results"][0]["Packages"].append({"Name": "more", "Version": "1"}),
        lambda r: r["Results"].pop(),
        lambda r: r["Results"][0]["Packages"][0].update(SrcName="other"),
        lambda r: r["Results"][0]["Packages"][0].update(SrcVersion="1"),
        lambda r: r["Results"][0]["Packages"][0].update(Version="1.0-1"),
        lambda r: r["Results"][0]["Packages"][0].update(Modularitylabel="m"),
        lambda r: r["Results"][0].update(Type="ubuntu"),
        lambda r: r["Metadata"].update(OS={"Family": "debian", "Name": "1"}),
        lambda r: r["Metadata"].update(OS={"Family": "ubuntu", "Name": "12"}),
        lambda r: r.pop("Metadata"),
    ],
)
def test_other_packages_or_another_distribution_are_no_answer(change: Callable[[Any], object]) -> None:
    listed = copy.deepcopy(LISTED)
    change(listed)
    assert as_on_image(listed, IMAGE) is None


@pytest.mark.parametrize(
    "listed",
    [[], {"ArtifactType": "spdx"}, LISTED | {"Results": [[]]}, LISTED | {"Results": [{"Packages": [{}]}]}],
)
def test_what_is_no_report_is_refused(listed: Any) -> None:
    with pytest.raises(ValueError, match="trivy"):
        as_on_image(listed, IMAGE)
