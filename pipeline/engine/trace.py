"""Dagger's traces (OpenTelemetry): what they show of the work of a module, and whether a session makes any."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_UNSAMPLED = {"OTEL_TRACES_SAMPLER": "always_off"}
_FOLLOWED = ("DAGGER_CLOUD_TOKEN", "TRACEPARENT")  # besides OTEL_*
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


def sampling(environ: Mapping[str, str]) -> Mapping[str, str]:
    """What the environment of `dagger session` needs besides, so that no traces are made where nobody follows them.

    The engine stores each step as spans and sends them to the client, by up to a third of its processor time. It
    samples as the client does (W3C Trace Context), and the client as OpenTelemetry's variable says.
    """
    told = any(environ.get(name) for name in _FOLLOWED) or any(name.startswith("OTEL_") for name in environ)
    return {} if told or _logged_in(environ) else _UNSAMPLED


def _logged_in(environ: Mapping[str, str]) -> bool:
    """Whether somebody ran `dagger login`: Dagger Cloud shows the traces then."""
    home = Path(environ.get("HOME") or "/")
    settings = (environ.get("XDG_CONFIG_HOME") or home / ".config", home / "Library" / "Application Support")
    return any(os.access(Path(folder) / "dagger" / "credentials.json", os.R_OK) for folder in settings)
