"""The port of an instance's registry: chosen at its first start and kept, because references contain it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.util.files import read_file, replace_file

from . import ports
from .settings import LabSettings

_RECORD = "registry.json"
_MAX_ATTEMPTS = 20  # of a first start, on other ports


def kept_port(settings: LabSettings) -> int | None:
    """The port that this instance keeps across restarts; None before its first start."""
    return _read(settings.data)


def _read(folder: Path) -> int | None:
    try:
        port = int(json.loads(read_file(folder / _RECORD))["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return port if 0 < port < 65536 else None


def registry_address(settings: LabSettings) -> str:
    """Host and port as references name them; empty before the first start."""
    port = kept_port(settings)
    return f"localhost:{port}" if port else ""


def registry_names(settings: LabSettings) -> frozenset[str]:
    """The hosts by which references may name this instance's registry; none before the first start."""
    port = kept_port(settings)
    return frozenset({f"localhost:{port}", f"{ports.LOOPBACK}:{port}"}) if port else frozenset()


async def launch_on_port(settings: LabSettings, launch: Callable[[int], Awaitable[None]]) -> int:
    """Start a registry by `launch(port)` on the instance's port; a first start retries on other ports.

    Raises what `launch` raises, and `EnvironmentProblem` if another program listens on the kept port: references to
    it exist.
    """
    port = kept_port(settings)
    if port is not None:
        _require_free(port, settings)
        await launch(port)
        return port
    tried: set[int] = set()
    while True:
        port = ports.pick(frozenset(tried | _ports_of_all_instances(settings)))
        try:
            await launch(port)
        except EnvironmentProblem:
            if ports.is_free(port) or len(tried) > _MAX_ATTEMPTS:
                raise
            tried.add(port)  # another program was faster
            continue
        replace_file(settings.data / _RECORD, json.dumps({"port": port}) + "\n", mode=0o600)
        return port


def _require_free(port: int, settings: LabSettings) -> None:
    if not ports.is_free(port):
        listener = ports.owner(port) or "another program"
        raise EnvironmentProblem(
            f"port {port} of the registry of instance {settings.instance!r} is taken by {listener}",
            hint=f"stop it, or remove {settings.data / _RECORD} to take another port",
        )


def _ports_of_all_instances(settings: LabSettings) -> set[int]:
    folders = (path.parent for path in settings.home.glob(f"*/{_RECORD}"))
    return {port for folder in folders if (port := _read(folder)) is not None}
