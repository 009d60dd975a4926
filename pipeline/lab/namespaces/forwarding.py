"""Ports of this machine's loopback for BuildKit's service: forwarded by the engine's network, at secret addresses.

What goes through Dagger's session instead costs some ten times the processor time. Other containers of the engine are
not given the address, and it is one of 2^33: of a network that no site has (RFC 2544, 198.18.0.0/15), and a port.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from pathlib import Path

from .. import daemons
from ..daemons import DaemonRecord
from ..settings import LabSettings

_NETWORK = IPv4Network("198.18.0.0/15")
_FIRST, _LAST = 1024, 65535  # ports


def choose(ports: Iterable[int]) -> dict[int, str]:
    """An address of its own, with port, for each port."""
    return {port: _address() for port in ports}


def _address() -> str:
    address = _NETWORK[secrets.randbelow(_NETWORK.num_addresses)]
    return f"{address}:{_FIRST + secrets.randbelow(_LAST - _FIRST + 1)}"


def write(settings: LabSettings, engine: DaemonRecord, forwards: Mapping[int, str]) -> None:
    """Keep what an engine was started with."""
    daemons.replace_text(_file(settings), json.dumps({"pid": engine.pid, "forwards": forwards}) + "\n")


def read(settings: LabSettings, engine: DaemonRecord | None) -> dict[int, str]:
    """What the running engine was started with; nothing where another version started it."""
    try:
        data = json.loads(_file(settings).read_text())
        same = engine is not None and data["pid"] == engine.pid
        return {int(port): str(address) for port, address in data["forwards"].items()} if same else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _file(settings: LabSettings) -> Path:
    return settings.data / "forwards.json"
