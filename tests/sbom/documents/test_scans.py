"""A bill of materials is as good to scan as the image itself: trivy and grype find the same in both."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.scan import ARCHIVE
from pipeline.run.target.examination.findings import about, with_own_config
from pipeline.sbom import FORMATS
from pipeline.sbom.findings import as_on_image
from pipeline.util.json.canonical import compact
from tests.tools.scanning import planted

from .listing import Listed, list_packages, write_data

pytestmark = pytest.mark.real
NOTHING = """
format: 1
updated: 2026-10-01T00:00:00Z
advisories:
  - {id: CVE-2099-9999, ecosystem: pip, package: absent, severity: LOW, published: 2026-09-30, title: made up}
"""


def _findings(report: Any) -> set[tuple[str, ...]]:
    return {
        (v["VulnerabilityID"], v["PkgName"], v["InstalledVersion"], v.get("FixedVersion", ""), v["Severity"])
        for result in report.get("Results") or ()
        for v in result.get("Vulnerabilities") or ()
    }


def _packages(report: Any) -> set[tuple[str, str, str]]:
    return {
        (result["Type"], p["Name"], _version(p))
        for result in report.get("Results") or ()
        for p in result.get("Packages") or ()
    }


def _version(package: Any) -> str:
    """With epoch and release, which trivy keeps apart when it has read a package database."""
    epoch, release = package.get("Epoch"), package.get("Release")
    return f"{f'{epoch}:' if epoch else ''}{package['Version']}{f'-{release}' if release else ''}"


def test_trivy_finds_the_same_in_what_images_share(listed: Listed, cache: Path, tmp_path: Path) -> None:
    """Images that differ in the architecture and volatile labels alone are scanned once
    (run/target/examination/shared_results.py)."""
    image = listed.image

    def scanned(archive: Path) -> Any:
        report = compact(planted.trivy("image", "--input", archive, cache=cache))
        report = report.replace(str(archive).encode(), ARCHIVE.encode())
        report = with_own_config(report, image.config)
        now = datetime(2026, 11, 1, tzinfo=UTC)
        made = json.loads(about(report, image.subject.reference, image.manifest.digest, now, now))
        return {key: value for key, value in made.items() if key not in ("CreatedAt", "ReportID")}

    def packed(architecture: str, without: Collection[str]) -> Path:
        target = tmp_path / f"{architecture}.tar"
        return planted.repacked(image.archive, target, architecture=architecture, without=without)

    one = scanned(packed("amd64", ()))
    assert one == scanned(packed("s390x", planted.VOLATILE_LABELS))
    assert one["Metadata"]["ImageConfig"]["config"]["Labels"] == planted.LABELS


@pytest.mark.parametrize("name", ["sbom.cyclonedx.json", "sbom.spdx.json"])
def test_trivy_finds_in_it_what_it_finds_in_the_image(listed: Listed, cache: Path, name: str) -> None:
    image = planted.trivy("image", "--input", listed.image.archive, cache=cache)
    sbom = planted.trivy("sbom", listed.folder / name, cache=cache)
    assert _findings(sbom) == _findings(image)
    assert _packages(sbom) == _packages(image)


def test_a_report_on_it_is_the_report_on_the_image(listed: Listed, cache: Path, tmp_path: Path) -> None:
    """From a report of data that knows of no flaw, the image itself is not needed to say what is found today."""
    nothing = tmp_path / "nothing.yml"
    nothing.write_text(NOTHING)
    write_data(tmp_path, nothing)
    before = planted.trivy("image", "--input", listed.image.archive, cache=tmp_path)
    today = planted.trivy("image", "--input", listed.image.archive, cache=cache)
    sbom = planted.trivy("sbom", listed.folder / "sbom.cyclonedx.json", cache=cache)
    assert not _findings(before)
    made = as_on_image(sbom, before)
    assert made is not None and _without_ids(made) == _without_ids(today)


def test_an_end_of_life_that_came_since_is_found_in_it(cache: Path, tmp_path: Path) -> None:
    files = planted.debian() | {
        "etc/debian_version": b"8.11\n",
        "etc/os-release": b'ID=debian\nNAME="Debian GNU/Linux"\nVERSION_ID="8"\n',
    }
    made = list_packages(tmp_path, files)
    today = planted.trivy("image", "--input", made.image.archive, cache=cache)
    before = today | {"Metadata": today["Metadata"] | {"OS": {"Family": "debian", "Name": "8.11"}}}
    assert today["Metadata"]["OS"]["EOSL"] is True
    sbom = planted.trivy("sbom", made.folder / "sbom.cyclonedx.json", cache=cache)
    found = as_on_image(sbom, before)
    assert found is not None and found["Metadata"] == today["Metadata"]


def _without_ids(report: Any) -> Any:
    """A report without what differs each time, and without the fingerprints, which are made again of all the rest."""
    for result in report.get("Results") or ():
        for finding in result.get("Vulnerabilities") or ():
            del finding["Fingerprint"]
    return {name: value for name, value in report.items() if name not in ("ReportID", "CreatedAt")}


@pytest.mark.parametrize("name", ["sbom.cyclonedx.json", "sbom.spdx.json", "sbom.syft.json"])
def test_grype_s_reader_sees_the_same_packages_and_distribution(listed: Listed, name: str) -> None:
    def facts(document: Any) -> tuple[set[tuple[str, ...]], Any]:
        packages = {(p["type"], p["name"], p["version"], p["purl"]) for p in document["artifacts"]}
        known = {each for each in packages if each[0]}  # the distribution is a package of no type
        return known, (document["distro"].get("id"), document["distro"].get("versionID"))

    assert facts(planted.converted(listed.folder / name)) == facts(listed.syft)


def test_grype_finds_in_every_document_and_the_image_what_trivy_finds(
    listed: Listed, cache: Path, grype_cache: Path
) -> None:
    report = planted.trivy("image", "--input", listed.image.archive, cache=cache)
    found = {(id, name.rpartition(":")[2], *rest) for id, name, *rest in _findings(report)}
    documents = [f"sbom:{listed.folder / file}" for _, file in FORMATS.values()]
    for source in (*documents, f"docker-archive:{listed.image.archive}"):
        assert _matches(planted.grype(source, grype_cache)) == found, source


def _matches(report: Any) -> set[tuple[str, ...]]:
    return {
        (
            match["vulnerability"]["id"],
            match["artifact"]["name"],
            match["artifact"]["version"],
            ", ".join(match["vulnerability"]["fix"]["versions"]),
            match["vulnerability"]["severity"].upper(),
        )
        for match in report["matches"]
    }


def test_the_planted_flaws_are_found_at_all(debian: Listed, cache: Path) -> None:
    report = planted.trivy("sbom", debian.folder / "sbom.cyclonedx.json", cache=cache)
    assert {(id, package) for id, package, *_ in _findings(report)} == {
        ("CVE-2099-9101", "flawed"),
        ("CVE-2099-9101", "flawed-libs"),
        ("CVE-2099-9103", "flawed-wheel"),
        ("CVE-2099-9104", "@flawed/node"),
        ("CVE-2099-9105", "org.flawed:jar"),
    }
