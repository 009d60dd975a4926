"""What the environment says of engines and registries beside an instance's own."""

from __future__ import annotations

import pytest

from pipeline.errors import UsageError
from pipeline.lab import LabSettings


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("", ()),
        ("localhost:5000", (5000,)),
        (" localhost:5001, 127.0.0.1:5000,localhost:5001,", (5000, 5001)),
    ],
)
def test_registries_of_this_machine(text: str, ports: tuple[int, ...]) -> None:
    assert LabSettings.from_env({"LOCKAGE_REGISTRIES": text}).registries == ports


@pytest.mark.parametrize(
    "text", ["ghcr.io", "5000", "localhost", "localhost:0", "localhost:70000", "localhost:5000/a"]
)
def test_what_is_no_registry_of_this_machine(text: str) -> None:
    with pytest.raises(UsageError, match="LOCKAGE_REGISTRIES"):
        LabSettings.from_env({"LOCKAGE_REGISTRIES": text})


@pytest.mark.parametrize(
    ("environ", "engine"),
    [
        ({"_EXPERIMENTAL_DAGGER_RUNNER_HOST": "tcp://host:1234"}, "tcp://host:1234"),
        ({"_EXPERIMENTAL_DAGGER_RUNNER_HOST": "tcp://host:1234", "LOCKAGE_ENGINE": "lab"}, "lab"),
        ({"_EXPERIMENTAL_DAGGER_RUNNER_HOST": "unix:///home/u/lockage/default/run/engine.sock"}, None),
        ({"_EXPERIMENTAL_DAGGER_RUNNER_HOST": "docker-container://lockage-default-engine"}, None),
        ({}, None),
    ],
)
def test_daggers_own_variable(environ: dict[str, str], engine: str | None) -> None:
    assert LabSettings.from_env(environ).engine == engine
