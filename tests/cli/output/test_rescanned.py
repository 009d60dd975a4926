"""What `lockage rescan` prints of an image: by which data it was judged, and what that changed."""

from __future__ import annotations

import pytest

from pipeline.cli.commands.release.rescan import _print
from pipeline.model import Reference
from pipeline.policy import Tool
from pipeline.release.rescan import Rescanned
from pipeline.release.todays_scan import ScanSource

IMAGE = Reference.parse("ghcr.io/acme/prod/app@sha256:" + "1" * 64)
TRIVY = Tool("trivy", "0.74.0", "2026-11-25T06:00:00Z", "sha256:" + "2" * 64)
GRYPE = Tool("grype", "0.121.3", "2026-11-20T06:00:00Z", "sha256:" + "3" * 64)


@pytest.mark.parametrize(
    ("tool", "beside", "expected"),
    [
        (TRIVY, (), "2026-11-25"),
        (TRIVY, (GRYPE,), "2026-11-25 (trivy), 2026-11-20 (grype)"),
        (GRYPE, (), "2026-11-20"),
        (Tool("trivy", "0.74.0"), (GRYPE,), "an unknown day (trivy), 2026-11-20 (grype)"),
    ],
)
def test_the_day_of_each_scanners_data(
    tool: Tool, beside: tuple[Tool, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _print(Rescanned("app:1", IMAGE, ("1",), source=ScanSource.SBOM, tool=tool, beside=beside))
    assert capsys.readouterr().out.splitlines() == [
        "app:1  passed",
        f"    scanned by data of {expected}, source: sbom",
    ]
