"""Shared by all tests: unit tests may not touch the network, the engine or the clock; real ones say so."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests import purity, workers

settings.register_profile("lockage", deadline=None)  # no test fails on a clock
settings.load_profile("lockage")


@pytest.fixture(autouse=True)
def pure_rooms_stay_pure(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A unit test of a pure room fails if it opens a socket, starts a process or reads the clock."""
    node = request.node.nodeid
    if request.node.get_closest_marker("real") is not None or not node.startswith(purity.TESTS):
        yield
        return

    def refused(*_: object, **__: object) -> None:
        raise AssertionError(f"{node} is a unit test and opened a connection or started a process")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr("subprocess.Popen.__init__", refused)
    with purity.no_clock(node):
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What `-n auto` means (tests/run)."""
    return workers.count(config.args, config.option.keyword)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What hands tests out to processes."""
    from tests.scheduler import Groups

    return Groups(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bring groups into order; alone in one process, tests stay as they were found."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: workers.rank(workers.group_of(item.nodeid)))
