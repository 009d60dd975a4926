"""For which platforms a Dockerfile's RUN instructions run."""

from __future__ import annotations

import pytest

from pipeline.dockerfile.run_platforms import run_platforms
from pipeline.model import Platform

ARM = Platform.parse("linux/arm64")


@pytest.mark.parametrize(
    ("dockerfile", "platforms"),
    [
        ("FROM a\nRUN true\n", {"linux/arm64"}),
        ("FROM a\nCOPY x /\n", set()),
        ("FROM --platform=$BUILDPLATFORM a AS b\nRUN true\nFROM c\nCOPY --from=b /x /\n", set()),
        ("FROM --platform=${BUILDPLATFORM} a AS b\nFROM b AS C\nRUN true\n", set()),
        ("FROM --platform=$BUILDPLATFORM a AS b\nRUN x\nFROM c\nRUN y\n", {"linux/arm64"}),
        ("FROM --platform=linux/s390x a\nRUN x\n", {"linux/s390x"}),
        ("FROM --platform=$TARGETPLATFORM a\nRUN x\n", {"linux/arm64"}),
        ("FROM a AS B\nFROM b\nRUN <<EOF\nFROM --platform=linux/s390x c\nEOF\n", {"linux/arm64"}),
        ("ARG P=$BUILDPLATFORM\nFROM --platform=$P a AS b\nRUN x\nFROM c\nCOPY --from=b /x /\n", set()),
        ("FROM --platform=linux/s390x a AS unused\nRUN x\nFROM b\nRUN x\n", {"linux/arm64"}),
        ("FROM a AS s-amd64\nFROM s-amd64 AS s-arm64\nRUN x\nFROM s-$BUILDARCH\nRUN y\n", {"linux/arm64"}),
        ("FROM --platform=$BUILDPLATFORM a AS s-arm64\nFROM s-$BUILDARCH AS t\nRUN y\nFROM scratch\n", set()),
        ("", set()),
        ("LABEL a=b\nFROM a:1\nRUN x\n", set()),  # BuildKit refuses it
    ],
)
def test_run_platforms(dockerfile: str, platforms: set[str]) -> None:
    assert {str(p) for p in run_platforms(dockerfile, ARM)} == platforms
