"""What Dagger's own log shows of the work of a module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_ENCAPSULATED = {"dagger.io/ui.encapsulate": True, "dagger.io/ui.boundary": True}


@contextmanager
def encapsulated() -> Iterator[None]:
    """One step of the trace, whose parts are shown by `-vv` alone, also if it fails.

    Dagger prints commands' output as it is, so that an image under test could control a terminal or command a CI.
    """
    from dagger.telemetry import get_tracer

    with get_tracer().start_as_current_span(
        "lockage", attributes=_ENCAPSULATED, record_exception=False, set_status_on_exception=False
    ):
        yield
