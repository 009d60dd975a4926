"""The lab's Java database is one that the real scanner downloads, and identifies jars by."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from pipeline.lab.layout.builder import LayoutBuilder
from pipeline.lab.layout.layers import TarEntry
from pipeline.lab.seed import java_database, official_images, vulnerability_database
from pipeline.lab.settings import LabSettings, quiet
from pipeline.model import Reference
from pipeline.registry import Registry, push_layout

from . import images
from .conftest import Program

pytestmark = [pytest.mark.real, pytest.mark.anyio]

OFFLINE = ("--skip-db-update", "--skip-java-db-update", "--offline-scan", "--skip-version-check", "--quiet")


def _jar() -> bytes:
    """A jar that says nothing about itself."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
    return out.getvalue()


async def test_the_scanner_downloads_it_and_identifies_a_jar_by_its_name(
    tmp_path: Path, settings: LabSettings, olareg: str, program: Program, offline: Callable[..., str]
) -> None:
    layout = LayoutBuilder(tmp_path / "java")
    layout.root.mkdir()
    await java_database.build(layout)
    target = Reference.parse(f"{olareg}/mirror/{official_images.JAVA_DATABASE}")
    async with Registry() as registry:
        await push_layout(registry, layout.root, target.repository, target.tag)

    cache = tmp_path / "cache"
    (cache / "db").mkdir(parents=True)
    await vulnerability_database.write(cache / "db", settings, quiet)
    trivy = program("trivy")
    download = [trivy, "image", "--download-java-db-only", "--cache-dir", cache]
    options = ["--java-db-repository", str(target), "--quiet"]
    await anyio.run_process([*map(str, download), *options], env={"HOME": str(tmp_path)})

    entries = [TarEntry(f"app/{name}.jar", 0o644, _jar()) for name in ("lockage-lab-sample-1.0", "other-1.0")]
    tar = images.archive(images.image(tmp_path / "image", entries), tmp_path / "image.tar")
    scan = (trivy, "image", "--scanners", "vuln", "--list-all-pkgs", "--format", "json", "--cache-dir", cache)
    [result] = json.loads(offline(*scan, *OFFLINE, "--input", tar))["Results"]
    assert [package["Name"] for package in result["Packages"]] == ["example.lockage:lockage-lab-sample"]
    assert [found["VulnerabilityID"] for found in result["Vulnerabilities"]] == ["CVE-2099-0006"]


def test_equal_bytes_every_time(tmp_path: Path) -> None:
    written = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        written.append([file.read_bytes() for file in java_database.write(folder)])
    assert written[0] == written[1]
