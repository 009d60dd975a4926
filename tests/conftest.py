"""Shared by all tests: unit tests may not touch the network, the engine or the clock; real ones say so."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import purity, workers
from tests.tools import iri_syntax

iri_syntax.load_when_used()
_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # no test fails on a clock
settings.register_profile("whole", _UNHURRIED)
settings.register_profile("working", _UNHURRIED, max_examples=10)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--seeds N`: more of what the suite tries a few of."""
    text = "fixed seeds of each test that interrupts or disturbs programs by them (default: few enough for the suite)"
    parser.addoption("--seeds", type=int, metavar="N", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """While working (`-m "not real"`), properties are tried with a tenth of the examples of the whole suite."""
    settings.load_profile("working" if config.option.markexpr == workers.UNREAL else "whole")


def pytest_unconfigure() -> None:
    """Leave no credentials behind."""
    if logins := sys.modules.get("tests.tools.logins"):
        logins.forget()


@pytest.fixture
def seeds(request: pytest.FixtureRequest) -> int | None:
    """How many fixed seeds to try; None: as many as the test does in the suite."""
    asked: int | None = request.config.getoption("--seeds")
    return asked


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """While working, a module of real tests alone is not imported: most of the program and its libraries would be."""
    if config.option.markexpr != workers.UNREAL or not collection_path.name.startswith("test_"):
        return None
    return workers.is_real(collection_path.read_text("utf-8")) or None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stop what no later test of this process uses; alone in one process, any may."""
    ordered = hasattr(item.config, "workerinput")
    while workers.BEFORE_THE_END and ordered and workers.fills_up(workers.group_of(item.nodeid)):
        workers.BEFORE_THE_END.pop()()


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
    return workers.count(config.args, config.option.keyword, config.option.markexpr)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What hands tests out to processes."""
    from tests.scheduler import Groups

    return Groups(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bring groups into order; alone in one process, tests stay as they were found."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: workers.rank(workers.group_of(item.nodeid)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays until the end: the garbage collector need not walk through it meanwhile,
    nor during the tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()
