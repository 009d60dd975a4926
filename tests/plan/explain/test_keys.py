"""Why a key moved: two sets of inputs, and what differs between them."""

from dataclasses import replace

import pytest

from pipeline.plan import (
    inputs_of,
    key_difference,
)
from tests.catalogue.sample import DIGEST

from .test_explain import PLAN

INPUTS = inputs_of(PLAN, "python/3.11.2/linux-amd64")

DIFFERENCES = [
    ({}, []),
    ({"builder": "v2"}, ["builder is v2, was v0.32.2"]),
    ({"platform": "linux/arm64"}, ["platform is linux/arm64, was linux/amd64"]),
    ({"labels": INPUTS["labels"] | {"team": "y"}}, ["label team is y, was x"]),
    ({"labels": {k: v for k, v in INPUTS["labels"].items() if k != "team"}}, ["label team is gone"]),
    ({"arguments": {"A": "1"}}, ["argument A is 1, was not there"]),
    (
        {"rootfs": [["b", "file", 0o644, "1"], ["etc", "dir", 0o700, None], ["etc/a", "file", 0o644, "9"]]},
        [
            "rootfs/b is new",
            f"rootfs/etc has mode 0700, had {INPUTS['rootfs'][0][2]:04o}",
            "rootfs/etc/a has other content",
            "rootfs/etc/deep is gone",
        ],
    ),
    (
        {"rootfs": [*INPUTS["rootfs"][:2], ["etc/deep", "link", 0o644, "/x"]]},
        ["rootfs/etc/deep leads to /x, led to /else"],
    ),
    (
        {"rootfs": [[str(n), "dir", 0o755, None] for n in range(20)] + INPUTS["rootfs"]},
        [*(f"rootfs/{n} is new" for n in sorted(map(str, range(20)))[:10]), "and 10 more of rootfs/"],
    ),
]


@pytest.mark.parametrize(("change", "expected"), DIFFERENCES)
def test_why_two_keys_differ(change, expected):
    assert key_difference(INPUTS, INPUTS | change) == expected


def test_a_dockerfile_is_shown_by_its_lines_and_a_base_by_its_digest():
    moved = replace(
        PLAN.by_id["python/3.11.2/linux-amd64"], dockerfile="FROM debian:12\nRUN more\n", bases=()
    )
    now = INPUTS | {"dockerfile": INPUTS["dockerfile"].replace(DIGEST.hex, "0" * 64) + moved.dockerfile}
    found = key_difference(INPUTS, now)
    assert found[0] == "the Dockerfile differs:"
    assert f"  -FROM docker.io/library/debian@{DIGEST}" in found
    assert f"  +FROM docker.io/library/debian@sha256:{'0' * 64}" in found
    long = INPUTS | {"dockerfile": "RUN x\n" * 100}
    assert key_difference(INPUTS, long)[-1].endswith("more lines")


def test_another_format_of_inputs_is_told():
    assert key_difference({"format": 1, "gone": "x"}, {"format": 2, "fresh": "y"}) == [
        "format is 2, was 1",
        "gone is no input any more",
        "fresh is an input now",
    ]
