"""The guard of the pure rooms refuses the clock to them, and to nobody else."""

from __future__ import annotations

import datetime
import sys
import time
from types import ModuleType

import pytest

from tests import purity
from tests.test_rooms import PURE
from tests.tools.source_trees import PACKAGE

CLOCKS = """
import time
from datetime import date, datetime

CALLS = {
    "time": lambda: time.time(),
    "monotonic": lambda: time.monotonic(),
    "now": lambda: datetime.now(),
    "today": lambda: date.today(),
}
"""


def module(monkeypatch: pytest.MonkeyPatch, name: str) -> ModuleType:
    made = ModuleType(name)
    exec(CLOCKS, made.__dict__)
    monkeypatch.setitem(sys.modules, name, made)
    return made


@pytest.mark.parametrize("clock", ["time", "monotonic", "now", "today"])
@pytest.mark.parametrize("name", ["pipeline.plan.clocked", "tests.policy.clocked"])
def test_a_pure_room_cannot_read_the_clock(name: str, clock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    call = module(monkeypatch, name).CALLS[clock]
    with purity.no_clock("here"), pytest.raises(AssertionError, match="here is a unit test"):
        call()
    assert call()


def test_others_can(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = module(monkeypatch, "pipeline.cli.clocked").CALLS
    with purity.no_clock("here"):
        assert all(call() for call in calls.values())
        assert time.time() and datetime.date.today()


def test_dates_of_a_pure_room_are_still_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    pure = module(monkeypatch, "pipeline.policy.clocked")
    with purity.no_clock("here"):
        assert pure.date.fromisoformat("2026-11-21") == datetime.date(2026, 11, 21)
    assert pure.date is datetime.date


def test_every_pure_room_with_tests_is_guarded() -> None:
    rooms = {room for room in PURE if (PACKAGE / room).is_dir()}
    assert rooms == set(purity.ROOMS)
