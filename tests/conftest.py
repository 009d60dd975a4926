"""Shared by all tests: unit tests may not touch the network, the engine or the clock; real ones say so."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests import workers

settings.register_profile("lockage", deadline=None)  # no test fails on a clock
settings.load_profile("lockage")

_PURE = tuple(
    f"tests/{room}/"
    for room in ("catalogue", "config", "dockerfile", "importing", "model", "plan", "policy", "trust")
)


@pytest.fixture(autouse=True)
def pure_rooms_stay_pure(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test of a pure room that opens a socket or starts a process fails, whatever it asserts."""
    where = request.node.nodeid
    if where.startswith(_PURE) and request.node.get_closest_marker("real") is None:

        def refused(*_: object, **__: object) -> None:
            raise AssertionError(f"{where} is a unit test and reached for the network or a process")

        monkeypatch.setattr(socket.socket, "connect", refused)
        monkeypatch.setattr("subprocess.Popen.__init__", refused)
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
