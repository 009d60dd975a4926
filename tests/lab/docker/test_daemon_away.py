"""A Docker daemon that is away or never answers, and which backend is chosen then."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio
import pytest

from pipeline.errors import EnvironmentProblem
from pipeline.lab import LabSettings
from pipeline.lab.docker import cli as docker_cli
from pipeline.lab.status import status as instance_status
from tests.lab.namespaces.test_lab_backend import up

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        os.geteuid() != 0 or sys.platform != "linux", reason="starts Docker: root's, on Linux"
    ),
]


def test_a_daemon_that_is_away(make_settings: Callable[..., LabSettings], tmp_path: Path) -> None:
    asked = make_settings("away", "docker", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    with pytest.raises(EnvironmentProblem, match="LOCKAGE_ENGINE=docker, but ") as caught:
        up(asked)
    assert "docker info" in (caught.value.hint or "")
    assert chosen_kind(make_settings, f"unix://{tmp_path}/none.sock") == "lab"


def test_a_daemon_that_never_answers(
    make_settings: Callable[..., LabSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_cli, "PROBE_LIMIT", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        host = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        asked = make_settings("silent", "docker", DOCKER_HOST=host)
        with pytest.raises(EnvironmentProblem, match="does not answer within 1 s"):
            up(asked)
        assert chosen_kind(make_settings, host) == "lab"


def chosen_kind(make_settings: Callable[..., LabSettings], host: str) -> str:
    """The backend that is chosen where Docker is not requested, with that daemon."""
    backend = anyio.run(partial(instance_status, make_settings("free", None, DOCKER_HOST=host))).backend
    return backend.kind if backend else ""
