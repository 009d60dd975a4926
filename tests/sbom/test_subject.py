"""The names that are derived from an image: package URL, time, serial number."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.model import Digest, Platform, Repository
from pipeline.sbom import SbomSubject

DIGEST = Digest.of(b"image")
SUBJECT = SbomSubject(
    "acme",
    Repository("registry.example:5000", "dev/tools/app"),
    "1.0",
    DIGEST,
    Platform.parse("linux/arm64"),
    1_793_491_200,
)


def test_the_package_url_of_an_image_and_of_an_index() -> None:
    where = "repository_url=registry.example:5000/dev/tools/app&tag=1.0"
    assert SUBJECT.purl == f"pkg:oci/app@{DIGEST}?arch=arm64&{where}"
    armv7 = replace(SUBJECT, platform=Platform.parse("linux/arm/v7"))
    assert armv7.purl == f"pkg:oci/app@{DIGEST}?arch=arm&{where}&variant=v7"
    assert replace(SUBJECT, platform=None).purl == f"pkg:oci/app@{DIGEST}?{where}"


@pytest.mark.parametrize(
    ("created", "time"),
    [
        (1_793_491_200, "2026-11-01T00:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
        (-62_135_596_800, "1970-01-01T00:00:00Z"),  # the year 1, of images that leave it out
        (10**15, "1970-01-01T00:00:00Z"),
    ],
)
def test_the_time_is_the_image_s(created: int, time: str) -> None:
    assert replace(SUBJECT, created=created).time == time


def test_the_serial_number_changes_with_image_place_and_tool_alone() -> None:
    first = SUBJECT.serial("1.18.1")
    assert first == replace(SUBJECT, created=7).serial("1.18.1")
    others = [
        replace(SUBJECT, digest=Digest.of(b"other")).serial("1.18.1"),
        replace(SUBJECT, tag="2.0").serial("1.18.1"),
        replace(SUBJECT, repository=Repository("ghcr.io", "acme/app")).serial("1.18.1"),
        SUBJECT.serial("1.19.0"),
    ]
    assert len({first, *others}) == 5
