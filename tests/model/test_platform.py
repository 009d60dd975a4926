"""Platforms as containerd normalises them."""

from __future__ import annotations

import pytest

from pipeline.model import Platform


@pytest.mark.parametrize(
    ("text", "full", "slug"),
    [
        ("amd64", "linux/amd64", "linux-amd64"),
        ("x86_64", "linux/amd64", "linux-amd64"),
        ("linux/arm64/v8", "linux/arm64", "linux-arm64"),
        ("aarch64", "linux/arm64", "linux-arm64"),
        ("arm", "linux/arm/v7", "linux-arm-v7"),
        ("linux/arm/v7", "linux/arm/v7", "linux-arm-v7"),
        ("ppc64le", "linux/ppc64le", "linux-ppc64le"),
        ("linux/amd64/v1", "linux/amd64", "linux-amd64"),
        ("linux/arm64/8", "linux/arm64", "linux-arm64"),
        ("armhf", "linux/arm/v7", "linux-arm-v7"),
        ("linux/arm/7", "linux/arm/v7", "linux-arm-v7"),
        ("LINUX/S390X", "linux/s390x", "linux-s390x"),
    ],
)
def test_read(text: str, full: str, slug: str) -> None:
    platform = Platform.parse(text)
    assert (str(platform), platform.slug) == (full, slug)
    assert Platform.parse(str(platform)) == platform


@pytest.mark.parametrize(
    "text", ["linux/amd64/", "", "windows/amd64", "linux/arm/v5", "linux/amd64/v3/x", "riscv64"]
)
def test_refused_with_what_is_known(text: str) -> None:
    with pytest.raises(ValueError, match="known: linux/amd64"):
        Platform.parse(text)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("arm64/v8", "linux/arm64"),
        ("windows/arm64/v8", "windows/arm64"),
        ("linux/386", "linux/386"),
        ("arm/v6", "linux/arm/v6"),
        ("arm", "linux/arm/v7"),
    ],
)
def test_any_platform_is_one_platform_however_it_is_written(text: str, full: str) -> None:
    assert str(Platform.parse_any(text)) == full
    assert Platform.parse_any(full) == Platform.parse_any(text)
