"""Which backend is chosen: a table of settings and probes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.lab import LabSettings
from pipeline.lab.backend import HostProbe, choose_backend

DOCKER = HostProbe(docker_version="28.0", root=False)
BOTH = HostProbe(docker_version="28.0", root=True)
ROOT = HostProbe(docker_problem="there is no docker command", root=True)
NOTHING = HostProbe(docker_problem="there is no docker command", root=False)
MAC = HostProbe(docker_problem="its daemon does not run", root=True, linux=False)


def forced(engine: str | None) -> LabSettings:
    return LabSettings(Path("/h"), Path("/c"), engine=engine)


@pytest.mark.parametrize(
    ("engine", "probe", "kind", "why"),
    [
        (None, DOCKER, "docker", "Docker 28.0 answers"),
        (None, BOTH, "docker", "Docker 28.0 answers"),
        (None, ROOT, "lab", "there is no docker command"),
        ("lab", BOTH, "lab", "LOCKAGE_ENGINE=lab"),
        ("docker", BOTH, "docker", "LOCKAGE_ENGINE=docker"),
        ("tcp://build:1234", NOTHING, "remote", "LOCKAGE_ENGINE"),
        ("unix:///run/e.sock", NOTHING, "remote", "LOCKAGE_ENGINE"),
    ],
)
def test_chosen(engine: str | None, probe: HostProbe, kind: str, why: str) -> None:
    backend = choose_backend(forced(engine), probe)
    assert backend.kind == kind
    assert why in backend.why
    assert backend.url == (engine if kind == "remote" else "")


@pytest.mark.parametrize(
    ("engine", "probe", "message", "hint"),
    [
        (None, NOTHING, "no Docker (there is no docker command), and not root", "as root on Linux"),
        (None, MAC, "not Linux", "start Docker"),
        ("docker", ROOT, "there is no docker command", "start Docker"),
        ("lab", DOCKER, "needs root", "LOCKAGE_ENGINE=docker"),
        ("lab", MAC, "needs root on Linux", "LOCKAGE_ENGINE=docker"),
        ("podman", BOTH, "LOCKAGE_ENGINE=podman", "tcp://host:1234"),
        ("http://host", BOTH, "LOCKAGE_ENGINE=http://host", "tcp://host:1234"),
    ],
)
def test_refused(engine: str | None, probe: HostProbe, message: str, hint: str) -> None:
    with pytest.raises(EnvironmentProblem) as caught:
        choose_backend(forced(engine), probe)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_settings_from_the_environment() -> None:
    given = {"HOME": "/home/u", "LOCKAGE_INSTANCE": "ci-1", "LOCKAGE_ENGINE": "", "LOCKAGE_EMULATE": "1"}
    settings = LabSettings.from_env(given)
    assert settings.data == Path("/home/u/.local/share/lockage/ci-1")
    assert settings.cache == Path("/home/u/.cache/lockage")
    assert settings.engine is None
    assert settings.emulate
    assert LabSettings.from_env({"XDG_DATA_HOME": "/d", "LOCKAGE_CACHE": "/k"}).data == Path(
        "/d/lockage/default"
    )


@pytest.mark.parametrize("name", ["", "../x", "A", "a" * 25, "a/b", "-a", "a\n"])
def test_impossible_instance_names(name: str) -> None:
    with pytest.raises(UsageError):
        LabSettings(Path("/h"), Path("/c"), instance=name)
