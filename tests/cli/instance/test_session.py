"""How a session with an instance's engine is opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline import lab
from pipeline.cli.instance.session import InstanceSession
from pipeline.cli.output.progress import Progress
from pipeline.lab import Instance, LabSettings
from pipeline.lab.backend import Backend


@pytest.mark.parametrize(
    ("variables", "sampler"),
    [({}, "always_off"), ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, None)],
)
def test_traces_are_made_for_who_follows_them(
    variables: dict[str, str], sampler: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def up(*_: Any, **__: Any) -> Instance:
        return Instance("localhost:5000", "unix:///engine.sock", None, Backend("lab", "test"))

    for name in [name for name in os.environ if name.startswith(("OTEL_", "LOCKAGE_"))]:
        monkeypatch.delenv(name)
    for name, value in {"HOME": str(tmp_path), "TRACEPARENT": "", "XDG_CONFIG_HOME": "", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(lab, "up", up)
    settings = LabSettings.from_env(os.environ)
    settings.data.mkdir(parents=True)
    session = InstanceSession(settings, tmp_path, "localhost:5000", None, Progress(), lambda _: None)
    connection = anyio.run(session.connect, None)
    assert connection.environment.get("OTEL_TRACES_SAMPLER") == sampler
    assert connection.environment["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] == "unix:///engine.sock"
