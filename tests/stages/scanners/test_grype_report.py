"""What the pinned grype reports and logs is what `read_grype` reads."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.engine.scanners import grype as step
from pipeline.policy.scanners.grype import GrypeReport, read_grype
from tests.tools import judges
from tests.tools.scanning import planted

pytestmark = pytest.mark.real

ADVISORIES = Path(__file__).parents[2] / "data" / "advisories" / "sbom.yml"
RELEASE = "etc/os-release"
WHEEL = "opt/lib/python3.11/site-packages/flawed_wheel-0.1.dist-info/METADATA"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grype")
    planted.grype_data(folder, ADVISORIES)
    return folder


def scanned(files: Mapping[str, bytes | str], data: Path, folder: Path) -> GrypeReport:
    """What grype says of an image with these files, called as in the engine."""
    planted.listed(planted.plant(folder, files), folder / "sbom")
    report, log = folder / "report.json", folder / "grype.log"
    arguments = [f"sbom:{folder / 'sbom' / 'syft-json'}", "--output", "json", "--file", str(report)]
    logging = {"GRYPE_LOG_LEVEL": "debug", "GRYPE_LOG_FILE": str(log)}
    subprocess.run(
        [judges.program(judges.GRYPE), *arguments],
        env={**step.ENVIRONMENT, **logging, "GRYPE_DB_CACHE_DIR": str(data), "PATH": os.environ["PATH"]},
        check=True,
        capture_output=True,
    )
    return read_grype(report.read_bytes(), log.read_text())


@pytest.mark.parametrize(
    ("release", "distribution", "unknown"),
    [
        (None, ("debian", "12"), False),
        (b'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n', ("debian", "12"), False),
        (b'ID=debian\nVERSION_ID="99"\n', ("debian", "99"), True),
        (b'ID=made-up\nVERSION_ID="1"\n', ("", ""), True),
    ],
)
def test_packages_of_a_distribution_that_it_has_no_data_for(
    release: bytes | None, distribution: tuple[str, str], unknown: bool, data: Path, tmp_path: Path
) -> None:
    files = planted.debian() | ({} if release is None else {RELEASE: release})
    found = scanned(files, data, tmp_path)
    assert (found.distribution, found.unknown) == (distribution, unknown)
    assert {match.package for match in found.matches if match.system} == (
        set() if unknown else {"flawed", "flawed-libs"}
    )
    assert {(m.package, m.type) for m in found.matches if not m.system} == {
        ("flawed-wheel", "python-pkg"),
        ("@flawed/node", "node-pkg"),
        ("org.flawed:jar", "jar"),
    }


def test_an_image_without_a_distribution_has_none_that_is_unknown(data: Path, tmp_path: Path) -> None:
    assert not scanned(planted.scratch(), data, tmp_path / "nothing").unknown
    found = scanned({WHEEL: planted.debian()[WHEEL]}, data, tmp_path / "wheel")
    assert (found.distribution, found.unknown) == (("", ""), False)
    (match,) = found.matches
    assert (match.names, match.path, match.layer[:7]) == (("CVE-2099-9103",), WHEEL, "sha256:")
