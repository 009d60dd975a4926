"""Instances of the tests' own: data in a temporary folder, tools from the user's cache, stopped at the end."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline import lab
from pipeline.lab import Instance, LabSettings, ports
from pipeline.lab.registry_credentials import docker_config_folder, ensure_credentials

HERE = Path(__file__).parent


class Story:
    """A `report` that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, step: str, detail: str) -> None:
        self.lines.append(f"{step}: {detail}")

    def __str__(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture(scope="session", autouse=True)
def own_ports() -> Iterator[None]:
    """Registries of these tests have ports that no other process of the tests takes while they are down."""
    first = 5100 + 50 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ports, "PREFERRED", range(first, first + 50))
        yield


@pytest.fixture
def story() -> Story:
    """What was reported in this test."""
    return Story()


@pytest.fixture
def make_settings(tmp_path: Path) -> Iterator[Callable[..., LabSettings]]:
    """Settings of an instance under this test's folder, on the lab backend; whatever ran is stopped after."""
    made: list[LabSettings] = []

    def make(instance: str = "t", engine: str | None = "lab", **environ: str) -> LabSettings:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCKAGE_")}
        cache = os.environ.get("LOCKAGE_CACHE", "")
        given = {"LOCKAGE_HOME": str(tmp_path / "h"), "LOCKAGE_INSTANCE": instance, "LOCKAGE_CACHE": cache}
        given["LOCKAGE_CERTIFICATES"] = "none"  # an engine with authorities of its own starts a second later
        settings = LabSettings.from_env({**kept, **given, "LOCKAGE_ENGINE": engine or "", **environ})
        made.append(settings)
        return settings

    yield make
    for settings in made:
        anyio.run(partial(lab.down, settings, force=True))
        subprocess.run(
            ["rm", "-rf", "--one-file-system", settings.data], check=True
        )  # Python is slow at that


@pytest.fixture
def settings(make_settings: Callable[..., LabSettings]) -> LabSettings:
    """One instance, on the lab backend."""
    return make_settings()


def signed_in(settings: LabSettings, url: str, content: bytes | None = None) -> urllib.request.Request:
    """A request to the instance's registry with its credentials; with content a POST."""
    own = ensure_credentials(settings)
    pair = base64.b64encode(f"{own.username}:{own.password}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/octet-stream"}
    return urllib.request.Request(url, content, headers)


@contextmanager
def other_lease(settings: LabSettings) -> Iterator[int]:
    """Another process holds the instance meanwhile; gives its id."""
    code = (
        "import os, sys, time; from pathlib import Path; from pipeline.lab import LabSettings, hold\n"
        "with hold(LabSettings.from_env(os.environ), Path('/their/checkout'), 'run'):\n"
        "    print('held', flush=True); time.sleep(600)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], env=dict(settings.environ), stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == b"held\n"
        yield child.pid
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The probe program, compiled."""
    target = tmp_path_factory.mktemp("probe") / "probe"
    environ = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath", "GOWORK": "off"}
    path = LabSettings.from_env(environ).path
    subprocess.run(
        ["go", "build", "-o", str(target), "."], cwd=HERE / "probe", env={**environ, "PATH": path}, check=True
    )
    return target


@pytest.fixture
def pipeline(probe: Path) -> Callable[..., dict[str, Any]]:
    """Runs `pipeline_probe.py` on an instance, dialling the addresses from inside a container."""

    def run(instance: Instance, settings: LabSettings, *addresses: str) -> dict[str, Any]:
        return _session("pipeline_probe.py", instance, settings, instance.registry, str(probe), *addresses)

    return run


@pytest.fixture
def insecure(probe: Path) -> Callable[[Instance, LabSettings], dict[str, Any]]:
    """Runs `insecure_probe.py` on an instance."""
    return lambda instance, settings: _session("insecure_probe.py", instance, settings, str(probe))


def _session(program: str, instance: Instance, settings: LabSettings, *arguments: str) -> dict[str, Any]:
    """What a program of this folder prints, as data; it opens a session with the instance's engine."""
    config = {"DOCKER_CONFIG": str(docker_config_folder(settings))}  # as `lockage env --docker-config` has it
    environ = {**settings.environ, **instance.connect_env(), **config, "NO_COLOR": "1"}
    argv = [sys.executable, str(HERE / program), *arguments]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)
