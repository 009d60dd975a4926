"""Imports Dagger's SDK in half of the time and with half of the memory that it takes by itself."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_LEFT_OUT = (
    "dagger.provisioning",  # finds and starts an engine, with a progress display; optional for the SDK as well
    "dagger.mod",  # serves functions of a module
    "httpx._main",  # httpx's command line, optional: click, pygments, rich
)
_TELEMETRY = "dagger.telemetry"  # OpenTelemetry's SDK, for the SDK's own ways to connect


def import_sdk() -> None:
    """Import `dagger`, unless that was done. What is left out can be imported afterwards."""
    if "dagger" not in sys.modules:
        with _without_beartype(), _without_modules():
            import dagger  # noqa: F401


@contextmanager
def _without_beartype() -> Iterator[None]:
    """Without the argument checks that the SDK compiles for each of its functions: half of the import's time."""
    import beartype

    decorator = beartype.beartype
    beartype.beartype = lambda *_, **__: lambda function: function  # type: ignore[assignment]  # an overload
    try:
        yield
    finally:
        beartype.beartype = decorator


@contextmanager
def _without_modules() -> Iterator[None]:
    collecting, before = gc.isenabled(), set(sys.modules)
    telemetry = ModuleType(_TELEMETRY)
    telemetry.initialize = _nothing  # type: ignore[attr-defined]
    absent: dict[str, ModuleType | None] = {**dict.fromkeys(_LEFT_OUT), _TELEMETRY: telemetry}
    gc.disable()  # nothing of what is imported can be collected
    for name in absent.keys() - before:
        sys.modules[name] = absent[name]  # type: ignore[assignment]  # None: it cannot be imported
    try:
        yield
    finally:
        for name in absent.keys() - before:
            sys.modules.pop(name, None)
        if collecting:
            gc.enable()


def _nothing(**_: object) -> None:
    """Stands in for telemetry that is never started."""
