"""Several instances, checkouts and strangers on one machine: leases are respected, ports are each instance's own."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from pipeline import lab
from pipeline.errors import EnvironmentProblem
from pipeline.lab import Instance, LabSettings, ports
from pipeline.lab.daemons import DaemonState
from tests.lab.conftest import other_lease

from .test_lab_backend import Pipeline, down, status, up

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        os.geteuid() != 0 or sys.platform != "linux", reason="the lab backend needs root on Linux"
    ),
]


def test_two_instances_side_by_side(make_settings: Callable[..., LabSettings], pipeline: Pipeline) -> None:
    one, two = make_settings("one"), make_settings("two")
    first, second = up(one), up(two)
    assert first.registry != second.registry
    assert first.runner_host != second.runner_host
    results = [pipeline(first, one), pipeline(second, two)]
    assert all(result["same"] for result in results)
    down(one)
    assert status(two).engine.answers is True


def test_two_checkouts_start_one_instance(settings: LabSettings) -> None:
    found: list[Instance] = []

    async def both() -> None:
        async def one() -> None:
            found.append(await lab.up(settings))

        async with anyio.create_task_group() as group:
            group.start_soon(one)
            group.start_soon(one)

    anyio.run(both)
    assert found[0] == found[1]
    assert status(settings).engine.answers is True


def test_down_respects_leases(settings: LabSettings) -> None:
    up(settings, registry_only=True)
    assert status(settings).engine.state is DaemonState.STOPPED
    with other_lease(settings) as pid:
        with pytest.raises(EnvironmentProblem, match=f"pid {pid} in /their/checkout") as caught:
            down(settings)
        assert "--force" in (caught.value.hint or "")
        assert status(settings).registry.answers is True
        assert [lease.folder for lease in status(settings).leases] == ["/their/checkout"]
        down(settings, force=True)
        assert status(settings).registry.state is DaemonState.STOPPED
    up(settings, registry_only=True)
    down(settings)  # who died does not hold anything


def test_a_port_that_a_stranger_took(settings: LabSettings) -> None:
    port = int(up(settings, registry_only=True).registry.partition(":")[2])
    down(settings)
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind((ports.LOOPBACK, port))
        stranger.listen()
        with pytest.raises(
            EnvironmentProblem, match=f"port {port}.* is taken by pid {os.getpid()} "
        ) as caught:
            up(settings, registry_only=True)
    assert str(settings.data / "registry.json") in (caught.value.hint or "")
    assert up(settings, registry_only=True).registry == f"localhost:{port}"  # kept


def test_first_starts_at_the_same_moment_get_ports_of_their_own(
    make_settings: Callable[..., LabSettings], tmp_path: Path
) -> None:
    """Each has a home of its own, so that nothing but the port itself can tell."""
    many = [make_settings("x", LOCKAGE_HOME=str(tmp_path / str(n))) for n in range(6)]
    found: list[str] = []

    async def one(settings: LabSettings) -> None:
        found.append((await lab.up(settings, registry_only=True)).registry)

    async def all_of_them() -> None:
        async with anyio.create_task_group() as group:
            for settings in many:
                group.start_soon(one, settings)

    anyio.run(all_of_them)
    assert len(set(found)) == len(many)
    for settings in many:
        assert status(settings).registry.answers is True
