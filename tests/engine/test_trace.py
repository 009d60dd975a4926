"""Traces are left out only where nobody follows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engine.trace import sampling

OFF = {"OTEL_TRACES_SAMPLER": "always_off"}


def test_nobody_follows_them(tmp_path: Path) -> None:
    assert sampling({"HOME": str(tmp_path)}) == sampling({"HOME": str(tmp_path), "TRACEPARENT": ""}) == OFF
    assert sampling({}) == OFF


@pytest.mark.parametrize(
    "name",
    [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_TRACES_SAMPLER",
        "OTEL_SDK_DISABLED",
        "TRACEPARENT",
        "DAGGER_CLOUD_TOKEN",
    ],
)
def test_a_variable_says_where_they_go(tmp_path: Path, name: str) -> None:
    assert not sampling({"HOME": str(tmp_path), name: "something"})


@pytest.mark.parametrize("folder", ["home/.config", "home/Library/Application Support", "xdg"])
def test_somebody_is_logged_in_to_dagger_cloud(tmp_path: Path, folder: str) -> None:
    environ = {"HOME": str(tmp_path / "home")} | (
        {"XDG_CONFIG_HOME": str(tmp_path / "xdg")} if folder == "xdg" else {}
    )
    credentials = tmp_path / folder / "dagger" / "credentials.json"
    credentials.parent.mkdir(parents=True)
    assert sampling(environ) == OFF
    credentials.write_text("{}")
    assert not sampling(environ)
