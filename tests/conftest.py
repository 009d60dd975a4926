"""Shared by all tests: unit tests may not touch the network, the engine or the clock; real ones say so."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("lockage", deadline=None)  # no test fails on a clock
settings.load_profile("lockage")

_PURE = ("tests/catalogue", "tests/config", "tests/model", "tests/policy", "tests/trust")


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
