"""What on the command line is a reference, and what the name of a target."""

from __future__ import annotations

import pytest

from pipeline.cli.references import names_registry


@pytest.mark.parametrize(
    "text",
    ["ghcr.io/acme/app", "localhost/app:1", "localhost:5000/dev/app:1", "registry/app@sha256:" + "0" * 64],
)
def test_references(text: str) -> None:
    assert names_registry(text)


@pytest.mark.parametrize(
    "text",
    ["app", "app:1.0", "app:1.0-dev", "app/1.0/linux-amd64", "py*", "tools/app/1.0/linux-arm-v7", "check"],
)
def test_targets(text: str) -> None:
    assert not names_registry(text)
