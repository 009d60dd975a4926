"""The lab backend on real namespaces: the host stays unchanged, crashes are noticed, leases are respected."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline import lab
from pipeline.errors import EnvironmentProblem
from pipeline.lab import Instance, LabSettings, daemons, ports
from pipeline.lab.daemons import DaemonState
from pipeline.lab.namespaces import engine as engine_module
from pipeline.lab.namespaces.engine import LabEngine
from pipeline.lab.namespaces.registry import LabRegistry
from pipeline.lab.settings import StepCallback, quiet
from pipeline.lab.status import InstanceStatus
from pipeline.lab.status import status as instance_status
from tests.lab.conftest import Story, signed_in

from .host import look

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        os.geteuid() != 0 or sys.platform != "linux", reason="the lab backend needs root on Linux"
    ),
]

Pipeline = Callable[..., dict[str, Any]]


def up(settings: LabSettings, report: StepCallback = quiet, **options: Any) -> Instance:
    return anyio.run(partial(lab.up, settings, report, **options))


def down(settings: LabSettings, report: StepCallback = quiet, **options: Any) -> None:
    anyio.run(partial(lab.down, settings, report, **options))


def status(settings: LabSettings) -> InstanceStatus:
    return anyio.run(instance_status, settings)


def engine_pid(settings: LabSettings) -> int:
    record = LabEngine(settings).state()[1]
    assert record is not None
    return record.pid


def suspend(pid: int) -> None:
    """Stop a process and wait until all its threads have stopped, which takes a moment on a busy machine."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 10
    while {
        stat.read_text().rpartition(")")[2].split()[0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")
    } != {"T"}:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def layers(settings: LabSettings, reference: str) -> list[str]:
    """The layers' digests. The configuration has the time of the engine's start in it."""
    name, _, digest = reference.partition("@")
    host, _, path = name.rpartition(":")[0].partition("/")
    with urllib.request.urlopen(signed_in(settings, f"http://{host}/v2/{path}/manifests/{digest}")) as answer:
        return [layer["digest"] for layer in json.load(answer)["layers"]]


def test_a_pipeline_and_the_host_as_before(settings: LabSettings, story: Story, pipeline: Pipeline) -> None:
    up(settings)  # makes what is not made yet, which may install Debian packages
    down(settings)
    before = look(settings.instance)
    instance = up(settings, story)
    port = int(instance.registry.partition(":")[2])
    with socket.socket() as stranger:  # on the host's loopback: not for containers
        stranger.bind((ports.LOOPBACK, 0))
        stranger.listen()
        other = stranger.getsockname()[1]
        loopback = [f"10.0.2.2:{port}", f"127.0.0.1:{port}", f"10.87.0.1:{port}", f"10.0.2.2:{other}"]
        result = pipeline(instance, settings, *loopback, instance.forwards[port])
    assert result["dialled"].pop(instance.forwards[port]) == "open"  # to whoever knows the address
    assert result["same"]
    assert result["files"] == ["by an exec", "by a Dockerfile"]
    assert result["built"].startswith(f"{instance.registry}/probe/built:1@sha256:")
    assert "open" not in result["dialled"].values()
    assert set(result["dialled"]) == set(loopback)
    assert result["resolves"]

    line_count = len(story.lines)
    assert up(settings, story) == instance
    assert len(story.lines) == line_count  # nothing to do, nothing reported
    now = status(settings)
    assert now.backend is not None
    assert now.backend.kind == "lab"
    for daemon in (now.engine, now.registry):
        assert daemon.state is DaemonState.RUNNING
        assert daemon.answers is True

    down(settings, story)
    assert {d.state for d in (status(settings).engine, status(settings).registry)} == {DaemonState.STOPPED}
    assert look(settings.instance) == before
    down(settings, story)  # nothing to do


def test_a_killed_engine(settings: LabSettings, story: Story, pipeline: Pipeline) -> None:
    instance = up(settings)
    first = pipeline(instance, settings)
    before = look(settings.instance)
    before["control groups"] = []
    pid = engine_pid(settings)
    os.kill(pid, signal.SIGKILL)
    gone = daemons.DaemonRecord(pid, daemons.start_time(pid) or 0, daemons.boot_id())
    assert anyio.run(daemons.wait_until_ended, gone, 10.0)
    assert status(settings).engine.state is DaemonState.CRASHED
    assert status(settings).registry.state is DaemonState.RUNNING

    again = up(settings, story)
    assert "ended without having been stopped" in str(story)
    assert engine_pid(settings) != pid
    assert again.registry == instance.registry
    second = pipeline(again, settings)  # what was in the registry still is
    assert second["files"] == first["files"]

    os.kill(engine_pid(settings), signal.SIGKILL)
    down(settings)
    assert look(settings.instance) == before


def test_a_stopped_engine_keeps_its_cache(settings: LabSettings, pipeline: Pipeline) -> None:
    instance = up(settings)
    first = pipeline(instance, settings)
    down(settings, part="engine")
    assert status(settings).engine.state is DaemonState.STOPPED
    assert status(settings).registry.state is DaemonState.RUNNING
    second = pipeline(up(settings), settings)
    for name in ("base", "built"):  # file times in the layers show that nothing was made again
        assert layers(settings, second[name]) == layers(settings, first[name])


def test_a_damaged_state_is_moved_aside(settings: LabSettings, story: Story, pipeline: Pipeline) -> None:
    up(settings)
    down(settings, part="engine")
    state = settings.data / "engine"
    kept = [path for path in state.iterdir() if path.is_dir()]
    assert kept
    for folder in kept:  # a file where the engine has a folder
        folder.rename(folder.with_name(f"{folder.name}-lost"))
        folder.write_text("damaged\n")
    instance = up(settings, story)
    assert "did not start on its state" in str(story)
    assert (settings.data / "engine.damaged").is_dir()
    assert pipeline(instance, settings)["same"]


def test_an_engine_that_hangs_is_replaced(
    settings: LabSettings, story: Story, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "STOP_LIMIT", 1.0)
    up(settings)
    pid = engine_pid(settings)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    suspend(int(children[0]))  # the engine itself; process 1 there is tini
    assert status(settings).engine.answers is False
    instance = up(settings, story)
    assert "does not answer: restarting it" in str(story)
    assert "its cache is lost" in str(story)
    assert engine_pid(settings) != pid
    assert pipeline(instance, settings)["same"]


def test_a_start_that_is_broken_off(settings: LabSettings) -> None:
    """Ctrl-C while the engine starts: the next start finds its way, whatever was there already."""
    up(settings, registry_only=True)

    async def broken_off() -> None:
        async def watch(scope: anyio.CancelScope) -> None:
            while not LabEngine(settings).record_file.exists():  # noqa: ASYNC110
                await anyio.sleep(0.001)
            scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(watch, group.cancel_scope)
            await lab.up(settings)

    anyio.run(broken_off)
    up(settings)
    assert status(settings).engine.answers is True


def test_a_killed_registry(settings: LabSettings, story: Story) -> None:
    instance = up(settings, registry_only=True)
    record = LabRegistry(settings).state()[1]
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)
    anyio.run(daemons.wait_until_ended, record, 10.0)
    assert status(settings).registry.state is DaemonState.CRASHED
    assert up(settings, story, registry_only=True) == instance
    assert "its content is kept" in str(story)


def test_authorities_of_the_users_own(make_settings: Callable[..., LabSettings], tmp_path: Path) -> None:
    """The engine trusts them besides those of the image, and containers get them; whatever their files end with."""
    folder = tmp_path / "authorities"
    (folder / "of the company").mkdir(parents=True)
    one, two = (
        f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----" for name in ("T25l", "VHdv")
    )
    (folder / "one.crt").write_text(one)
    (folder / "of the company" / "two.crt").write_text(two + "\n")
    settings = make_settings(LOCKAGE_CERTIFICATES=str(folder))
    up(settings)
    trusted = Path(f"/proc/{engine_pid(settings)}/root/etc/ssl/certs/ca-certificates.crt").read_text()
    assert f"{one}\n" in trusted and f"{two}\n" in trusted
    assert trusted.count("\n-----BEGIN CERTIFICATE-----\n") > 100 and "----------" not in trusted


def test_a_home_that_is_too_deep(make_settings: Callable[..., LabSettings], tmp_path: Path) -> None:
    deep = make_settings("deep", LOCKAGE_HOME=str(tmp_path / ("d" * 90)))
    with pytest.raises(EnvironmentProblem, match="too long for the name of a socket") as caught:
        up(deep)
    assert "LOCKAGE_HOME" in (caught.value.hint or "")


def test_an_engine_elsewhere(make_settings: Callable[..., LabSettings], pipeline: Pipeline) -> None:
    here = make_settings("here")
    runner = up(here).runner_host
    remote = make_settings("there", engine=runner)
    instance = up(remote)
    assert instance.backend.kind == "remote"
    assert instance.runner_host == runner
    assert status(remote).engine.address == runner
    down(remote)
    assert status(here).engine.answers is True
