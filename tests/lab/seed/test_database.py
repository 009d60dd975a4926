"""Advisories become a database that the real scanner downloads, and finds with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from pipeline.lab.seed import database
from pipeline.lab.seed.layout import SeedLayout
from pipeline.lab.seed.store import root
from pipeline.lab.settings import LabSettings, quiet
from pipeline.model import Reference
from pipeline.registry import Registry, push_layout

from . import images
from .conftest import Program

DATA = Path(__file__).parents[2] / "data" / "advisories"
OFFLINE = ("--skip-db-update", "--offline-scan", "--skip-version-check", "--format", "json", "--quiet")

pytestmark = [pytest.mark.real, pytest.mark.anyio]


def _found(report: str) -> set[tuple[str, str, str, str]]:
    return {
        (v["VulnerabilityID"], v["PkgName"], v.get("FixedVersion", ""), v["Severity"])
        for result in json.loads(report)["Results"]
        for v in result.get("Vulnerabilities", ())
    }


async def test_the_same_advisories_give_the_same_bytes(tmp_path: Path, settings: LabSettings) -> None:
    written = []
    for number in range(8):  # bbolt lays buckets out by the order of a Go map unless it is kept from it
        folder = tmp_path / str(number)
        folder.mkdir()
        written.append([f.read_bytes() for f in await database.write(folder, settings, quiet)])
    assert all(one == written[0] for one in written)
    facts = json.loads(written[0][1])
    assert facts["Version"] == 2
    assert facts["UpdatedAt"] == "2026-11-01T00:00:00Z" and facts["NextUpdate"] > "2090"


async def test_the_scanner_downloads_it_and_finds(
    tmp_path: Path, settings: LabSettings, olareg: str, program: Program, offline: Callable[..., str]
) -> None:
    layout = SeedLayout(tmp_path / "db")
    layout.root.mkdir()
    await database.build(layout, settings, quiet, DATA / "two.yml")
    target = Reference.parse(f"{olareg}/mirror/{database.REFERENCE}")
    async with Registry() as registry:
        await push_layout(registry, layout.root, target.repository, target.tag)

    cache = tmp_path / "cache"
    trivy = program("trivy")
    download = [trivy, "image", "--download-db-only", "--cache-dir", cache, "--db-repository", str(target)]
    await anyio.run_process([*map(str, download), "--quiet"], env={"HOME": str(tmp_path)})

    packages = [
        ("flawed", "flawed-source", "2:1.3-9"),
        ("flawed-libs", "flawed-source", "2:1.3-9"),
        ("mended", "mended-source", "1.0"),
    ]
    scan = (trivy, "image", "--scanners", "vuln", "--cache-dir", cache, *OFFLINE, "--input")
    entries = images.debian_like(packages, ("flawed-wheel", "0.1"))
    old = images.archive(images.image(tmp_path / "old", entries), tmp_path / "old.tar")
    assert _found(offline(*scan, old)) == {
        ("CVE-2099-9001", "flawed", "2:1.4-1", "CRITICAL"),
        ("CVE-2099-9001", "flawed-libs", "2:1.4-1", "CRITICAL"),
        ("CVE-2099-9002", "flawed-wheel", "", "MEDIUM"),
    }
    fixed = images.debian_like([("flawed", "flawed-source", "2:1.4-1")])
    new = images.archive(images.image(tmp_path / "new", fixed), tmp_path / "new.tar")
    assert _found(offline(*scan, new)) == set()


async def test_the_sample_closes_a_gate_on_curl(
    tmp_path: Path, settings: LabSettings, program: Program, offline: Callable[..., str]
) -> None:
    cache = tmp_path / "cache"
    (cache / "db").mkdir(parents=True)
    await database.write(cache / "db", settings, quiet)
    entries = images.debian_like(
        [("curl", "curl", "7.88.1-10+deb12u14"), ("libcurl4", "curl", "7.88.1-10+deb12u14")]
    )
    tar = images.archive(images.image(tmp_path / "image", entries), tmp_path / "image.tar")
    scan = (program("trivy"), "image", "--scanners", "vuln", "--cache-dir", cache, *OFFLINE)
    gate = ("--severity", "HIGH,CRITICAL", "--exit-code", "7")
    report = offline(*scan, *gate, "--input", tar, code=7)
    assert {(v[0], v[1], v[3]) for v in _found(report)} == {
        ("CVE-2099-0001", "curl", "HIGH"),
        ("CVE-2099-0001", "libcurl4", "HIGH"),
    }
    first = json.loads(report)["Results"][0]["Vulnerabilities"][0]
    assert first["DataSource"]["Name"] == "Lockage lab sample (made up)"
    assert first["SeveritySource"] == "lockage-lab"


async def test_the_artifact_has_the_scanner_s_media_types(tmp_path: Path, settings: LabSettings) -> None:
    layout = SeedLayout(tmp_path)
    await database.build(layout, settings, quiet)
    manifest = images.manifest(tmp_path)
    assert manifest["config"]["mediaType"] == "application/vnd.aquasec.trivy.config.v1+json"
    assert [m["mediaType"] for m in manifest["layers"]] == [
        "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
    ]
    assert manifest["layers"][0]["annotations"] == {"org.opencontainers.image.title": "db.tar.gz"}
    assert root(tmp_path).media_type == "application/vnd.oci.image.manifest.v1+json"
