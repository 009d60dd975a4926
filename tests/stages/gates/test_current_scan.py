"""Whether a known scan is as good as one of today: by the scanners of the policy, with today's data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.model import Digest, Mirrors, Reference
from pipeline.model.gates import ScannerChoice, scanners_of
from pipeline.policy import JavaData, Scan, Tool
from pipeline.run.target.examination.outstanding_examinations import _is_current
from pipeline.run.tools import ToolImages

DATA = {"trivy": Digest.of(b"trivy"), "grype": Digest.of(b"grype")}
VERSIONS = {"trivy": "0.74.0", "grype": "0.121.3"}
TOOLS = ToolImages(
    {
        "trivy": Reference.parse("docker.io/aquasec/trivy:0.74.0"),
        "grype": Reference.parse("docker.io/anchore/grype:v0.121.3"),
    },
    Mirrors(),
)
CHOICES: tuple[ScannerChoice, ...] = ("trivy", "grype", "both")


def made_by(choice: ScannerChoice) -> Scan:
    """A scan of today."""
    tool, *beside = (Tool(name, VERSIONS[name], "", str(DATA[name])) for name in scanners_of(choice))
    secrets = () if choice != "grype" else (Tool("trivy", VERSIONS["trivy"]),)
    return Scan(tool, (), (), beside=(*beside, *secrets))


def current(scan: Scan, choice: ScannerChoice) -> bool:
    return _is_current(scan, TOOLS, {name: DATA[name] for name in scanners_of(choice)}, None)


@pytest.mark.parametrize("wanted", CHOICES)
@pytest.mark.parametrize("made", CHOICES)
def test_a_scan_counts_for_the_scanners_that_made_it(made: ScannerChoice, wanted: ScannerChoice) -> None:
    assert current(made_by(made), wanted) is (made == wanted)


@pytest.mark.parametrize("choice", CHOICES)
def test_other_data_or_another_version_of_any_tool_is_outdated(choice: ScannerChoice) -> None:
    scan = made_by(choice)
    for number, tool in enumerate(scan.tools):
        for other in (replace(tool, version="0"), replace(tool, data_digest=str(Digest.of(b"old")))):
            tools = [*scan.tools[:number], other, *scan.tools[number + 1 :]]
            assert not current(replace(scan, tool=tools[0], beside=tuple(tools[1:])), choice)
    assert not current(replace(scan, unexamined=("the report cannot be read",)), choice)
    assert not current(replace(scan, edition=1), choice)


def test_java_data_counts_where_it_was_needed() -> None:
    scan = replace(made_by("both"), java=JavaData(str(Digest.of(b"java"))))
    assert current(scan, "both")
    assert not _is_current(scan, TOOLS, DATA, Digest.of(b"newer"))
