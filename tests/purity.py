"""What unit tests of pure rooms may not use: the clock. (Sockets and processes: `tests/conftest.py`.)"""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

ROOMS = (
    "catalogue",
    "config",
    "dockerfile",
    "importing",
    "model",
    "plan",
    "policy",
    "provenance",
    "report",
    "sbom",
)
TESTS = tuple(f"tests/{room}/" for room in (*ROOMS, "trust"))  # trust: no sockets, but a clock

_CALLERS = tuple(f"{package}.{room}." for package in ("pipeline", "tests") for room in ROOMS)
_CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "localtime", "gmtime")


_looked_at: dict[str, ModuleType] = {}  # all modules, as they were when dates were last looked for
_dates: dict[str, tuple[str, ...]] = {}  # of modules in pure rooms: their names for `date` and `datetime`


def _find_dates() -> Iterator[tuple[ModuleType, str]]:
    """The names of `date` and `datetime` in the modules of pure rooms; what was imported since is looked through."""
    if _looked_at != sys.modules:
        for module_name, module in sys.modules.items():
            if module_name.startswith(_CALLERS) and _looked_at.get(module_name) is not module:
                classes = (datetime.date, datetime.datetime)
                names = tuple(n for n, value in vars(module).items() if any(value is c for c in classes))
                _dates[module_name] = names
        _looked_at.clear()
        _looked_at.update(sys.modules)
    for module_name, names in _dates.items():
        yield from ((sys.modules[module_name], name) for name in names if module_name in sys.modules)


@contextmanager
def no_clock(node: str) -> Iterator[None]:
    """Refuse the clock to pure rooms and their tests; anybody else may read it, such as Hypothesis or the front."""
    active = [True]  # what is imported meanwhile keeps these functions

    def guarded(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            caller = sys._getframe(1).f_globals.get("__name__", "")
            if active and caller.startswith(_CALLERS):
                raise AssertionError(f"{node} is a unit test, and {caller} called {name}")
            return real(*args)

        return call

    def refused(cls: type, *_: object) -> object:
        raise AssertionError(f"{node} is a unit test and read the clock")

    today = classmethod(refused)
    no_date = type("date", (datetime.date,), {"today": today})
    no_datetime = type("datetime", (datetime.datetime,), {"now": today, "today": today, "utcnow": today})
    replaced: list[tuple[object, str, object]] = []

    def replace(owner: object, name: str, new: object) -> None:
        replaced.append((owner, name, getattr(owner, name)))
        setattr(owner, name, new)

    for name in _CLOCKS:
        replace(time, name, guarded(f"time.{name}", getattr(time, name)))
    for module, name in _find_dates():
        replace(module, name, no_date if getattr(module, name) is datetime.date else no_datetime)
    try:
        yield
    finally:
        active.clear()
        for owner, name, value in reversed(replaced):
            setattr(owner, name, value)
