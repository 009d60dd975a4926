"""The Docker backend, on a real daemon: images pulled or made, least rights, crashes, a daemon that is away."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline.errors import EnvironmentProblem
from pipeline.lab import Instance, LabSettings
from pipeline.lab.daemons import DaemonState
from pipeline.lab.docker import cli as docker_cli
from pipeline.lab.docker import engine as engine_module
from pipeline.lab.docker.engine import DockerEngine
from pipeline.lab.docker.registry import DockerRegistry
from pipeline.lab.forwarding import registry_forward_file
from pipeline.lab.namespaces.registry import LabRegistry
from pipeline.lab.status import InstanceStatus
from pipeline.lab.status import status as instance_status
from tests.lab.conftest import Story, other_lease, signed_in
from tests.lab.namespaces.test_lab_backend import down, up

from .dockerd import any_daemon

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        os.geteuid() != 0 or sys.platform != "linux", reason="starts Docker: root's, on Linux"
    ),
]

Pipeline = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which `docker` reaches a daemon."""
    with any_daemon(tmp_path_factory.mktemp("docker")) as found:
        yield found


@pytest.fixture
def settings(
    make_settings: Callable[..., LabSettings], environ: dict[str, str], tmp_path: Path
) -> Iterator[LabSettings]:
    """An instance of this test's own; containers and volumes are removed afterwards."""
    made = make_settings(f"t{os.getpid()}", None, **environ)
    yield made
    down(made, force=True)
    found = say(made, "volume", "ls", "--quiet", "--filter", f"name=lockage-{made.instance}-")
    for volume in found.split():
        say(made, "volume", "rm", volume)


def say(settings: LabSettings, *args: str) -> str:
    """What docker says; it has to succeed."""
    argv = ["docker", *args]
    done = subprocess.run(argv, env=dict(settings.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def status(settings: LabSettings) -> InstanceStatus:
    return anyio.run(instance_status, settings)


def test_a_pipeline(settings: LabSettings, story: Story, pipeline: Pipeline) -> None:
    instance = up(settings, story)
    assert instance.backend.kind == "docker"
    assert instance.runner_host == f"docker-container://{DockerEngine(settings).name}"
    port = instance.registry.partition(":")[2]
    registry_ip = say(
        settings,
        *("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"),
        DockerRegistry(settings).name,
    )
    addresses = [f"127.0.0.1:{port}", f"10.87.0.1:{port}", f"{registry_ip}:{port}"]
    forward = instance.forwards[int(port)]
    result = pipeline(instance, settings, *addresses, forward)
    assert result["same"]
    assert result["files"] == ["by an exec", "by a Dockerfile"]
    assert set(result["dialled"]) == {*addresses, forward}
    # containers of the engine reach the registry only at the address that BuildKit's service and the module are given
    assert [address for address, how in result["dialled"].items() if how == "open"] == [forward]

    line_count = len(story.lines)
    assert up(settings, story) == instance
    assert len(story.lines) == line_count
    now = status(settings)
    assert [(d.state, d.answers) for d in (now.engine, now.registry)] == [(DaemonState.RUNNING, True)] * 2

    published = say(settings, "port", DockerRegistry(settings).name)
    assert published == f"{port}/tcp -> 127.0.0.1:{port}"
    down(settings, story)
    assert [d.state for d in (status(settings).engine, status(settings).registry)] == [
        DaemonState.STOPPED
    ] * 2
    again = up(settings)
    assert again.registry == instance.registry
    assert again.forwards.keys() == instance.forwards.keys()
    address = again.forwards[int(port)]  # as the module finds it
    assert registry_forward_file(settings).read_text() == f"localhost:{port}={address}\n"
    renewed = pipeline(again, settings, forward, *again.forwards.values())
    assert renewed["files"] == result["files"]
    assert [address for address, how in renewed["dialled"].items() if how == "open"] == [
        *again.forwards.values()
    ]


def test_the_rights(settings: LabSettings) -> None:
    up(settings)
    given = json.loads(
        say(settings, "inspect", "--format", "{{json .HostConfig}}", DockerEngine(settings).name)
    )
    assert not given["Privileged"]
    assert sorted(cap.removeprefix("CAP_") for cap in given["CapAdd"]) == ["NET_ADMIN", "SYS_ADMIN"]
    assert not any(bind.startswith("/") for bind in given["Binds"] or [])  # nothing of the host's is mounted
    assert given["DeviceCgroupRules"] == ["a *:* rwm"]
    assert not given["Devices"]
    kept = json.loads(
        say(settings, "inspect", "--format", "{{json .HostConfig}}", DockerRegistry(settings).name)
    )
    assert kept["CapDrop"] == ["ALL"]


def test_insecure_root_capabilities(
    settings: LabSettings, insecure: Callable[[Instance, LabSettings], dict[str, Any]]
) -> None:
    """Without --privileged: BuildKit runs so inside the engine."""
    instance = up(settings)
    assert (
        say(settings, "inspect", "--format", "{{.HostConfig.Privileged}}", DockerEngine(settings).name)
        == "false"
    )
    assert insecure(instance, settings) == {"exec": "all", "service": "service:8080 open"}


@pytest.mark.parametrize("missing", ["seccomp=unconfined", "a *:* rwm"])
def test_rights_that_do_not_do(
    settings: LabSettings, story: Story, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Too few rights are noticed before the first build, and the attempt with more is reported."""
    rights = engine_module.LEAST_RIGHTS
    at = rights.index(missing)
    monkeypatch.setattr(engine_module, "LEAST_RIGHTS", rights[: at - 1] + rights[at + 1 :])
    try:
        up(settings, story)
    except EnvironmentProblem as problem:
        assert "with --privileged" in problem.message
        assert "LOCKAGE_ENGINE" in (problem.hint or "")
        assert (
            say(settings, "ps", "--all", "--quiet", "--filter", f"name={DockerEngine(settings).name}") == ""
        )
    assert "Docker's rights do not let the engine run containers" in str(story)
    assert "trying --privileged" in str(story)


def restart(settings: LabSettings, container: str) -> None:
    """`docker restart`, asked for again where Docker 20.10 cannot start what it has just stopped: while mounts come
    and go elsewhere on the machine it sometimes says "stat …: permission denied"."""
    for _ in range(4):
        argv = ["docker", "restart", container]
        if subprocess.run(argv, env=dict(settings.environ), capture_output=True, check=False).returncode == 0:
            return
        time.sleep(2)
    say(settings, "restart", container)


def test_killed_containers(settings: LabSettings, story: Story, pipeline: Pipeline) -> None:
    instance = up(settings)

    def as_before(again: Instance) -> bool:
        return replace(again, forwards=instance.forwards) == instance  # each engine has its own

    first = pipeline(instance, settings)
    say(settings, "kill", DockerEngine(settings).name)
    assert status(settings).engine.state is DaemonState.CRASHED
    assert as_before(up(settings, story))
    assert "warning: container" in str(story)
    restart(settings, DockerRegistry(settings).name)  # the engine's network goes with it
    assert as_before(up(settings))
    assert pipeline(instance, settings)["files"] == first["files"]
    say(settings, "kill", DockerRegistry(settings).name)
    assert status(settings).registry.state is DaemonState.CRASHED
    assert as_before(up(settings))
    assert pipeline(instance, settings)["files"] == first["files"]


def test_a_registry_of_an_earlier_version(
    settings: LabSettings, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made again with what the engine needs now, once nobody uses it; what was pushed stays."""
    with monkeypatch.context() as earlier:
        now = DockerRegistry._arguments
        left_out = ("--sysctl", "net.ipv4.ip_forward=1")
        earlier.setattr(
            DockerRegistry, "_arguments", lambda *args: [word for word in now(*args) if word not in left_out]
        )
        instance = up(settings, registry_only=True)
    blob = f"http://{instance.registry}/v2/kept/blobs/{push(settings, instance.registry, b'kept')}"
    container = DockerRegistry(settings).name
    with other_lease(settings):
        assert up(settings, story, registry_only=True) == instance
    assert sysctls(settings, container) is None
    assert story.lines == []

    assert up(settings, story, registry_only=True) == instance
    assert sysctls(settings, container) == {"net.ipv4.ip_forward": "1"}
    assert "is of another version: recreating it, its content is kept" in str(story)
    with urllib.request.urlopen(signed_in(settings, blob)) as answer:
        assert answer.read() == b"kept"


def sysctls(settings: LabSettings, container: str) -> dict[str, str] | None:
    """The kernel's parameters that a container was given."""
    return json.loads(say(settings, "inspect", "--format", "{{json .HostConfig.Sysctls}}", container))


def push(settings: LabSettings, host: str, content: bytes) -> str:
    """Write a blob into the repository "kept"; gives its digest."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    url = f"http://{host}/v2/kept/blobs/uploads/?digest={digest}"
    request = signed_in(settings, url, content)
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201
    return digest


def test_an_engine_that_ends(settings: LabSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last line is the message's: that is the cause, and all that a report of one line shows."""
    monkeypatch.setattr(
        engine_module, "_START_SCRIPT", lambda: "echo beginning; echo no bridge on a Monday >&2; exit 3"
    )
    cause = "the engine's container ended while it started: no bridge on a Monday"
    with pytest.raises(EnvironmentProblem, match=cause) as caught:
        up(settings)
    assert "beginning" in (caught.value.detail or "")


def test_a_damaged_state(settings: LabSettings, story: Story, pipeline: Pipeline) -> None:
    up(settings)
    down(settings, part="engine")
    damage = "rm -rf /d/* && for name in worker net; do echo damaged > /d/$name; done"
    volume = DockerEngine(settings).volume
    shell = ("--entrypoint", "/bin/sh", str(engine_module.ENGINE_REFERENCE), "-c", damage)
    say(settings, "run", "--rm", "--volume", f"{volume}:/d", *shell)
    instance = up(settings, story)
    assert f"docker volume rm {volume}" in str(story)
    assert DockerEngine(settings).volume != volume
    assert pipeline(instance, settings)["same"]


def test_a_port_that_is_taken(settings: LabSettings) -> None:
    port = int(up(settings, registry_only=True).registry.partition(":")[2])
    down(settings)
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        with pytest.raises(EnvironmentProblem, match=f"port {port} .* taken by pid {os.getpid()}"):
            up(settings, registry_only=True)


def test_changing_the_backend(settings: LabSettings, story: Story) -> None:
    in_docker = up(settings, registry_only=True)
    forced = replace(settings, engine="lab")
    alone: Instance = up(forced, story, registry_only=True)
    assert alone.backend.kind == "lab"
    assert alone.registry == in_docker.registry
    assert "changing from the docker backend to lab" in str(story)
    assert LabRegistry(forced).state()[0] is DaemonState.RUNNING
    assert anyio.run(docker_cli.inspect_container, settings, DockerRegistry(settings).name) is None
