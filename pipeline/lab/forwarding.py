"""Loopback ports of this machine for chosen containers: forwarded by the engine's network, at secret addresses.

BuildKit's service and the functions of the Dagger module receive them. Dagger's session can carry the same traffic, for
some ten times the processor time. Other containers of the engine do not learn the address, which is one of 2^33: in a
network that no site uses (RFC 2544, 198.18.0.0/15), and a port.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from pathlib import Path
from types import MappingProxyType

from pipeline.util.files import read_file, replace_file

from .daemons import DaemonRecord
from .settings import LabSettings

_NETWORK = IPv4Network("198.18.0.0/15")
_FIRST_PORT, _LAST_PORT = 1024, 65535


def choose_forwards(ports: Iterable[int]) -> Mapping[int, str]:
    """A random address, with a port, for each loopback port."""
    return MappingProxyType({port: random_address() for port in ports})


def random_address() -> str:
    """ADDRESS:PORT for one forward."""
    address = _NETWORK[secrets.randbelow(_NETWORK.num_addresses)]
    return f"{address}:{_FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT + 1)}"


def write_forwards(settings: LabSettings, engine: DaemonRecord, forwards: Mapping[int, str]) -> None:
    """Record the addresses that an engine was started with; the first is that of the instance's registry."""
    replace_file(
        _file(settings), json.dumps({"pid": engine.pid, "forwards": dict(forwards)}) + "\n", mode=0o600
    )
    for port, address in [*forwards.items()][:1]:
        write_registry_forward(settings, f"localhost:{port}", address)


def registry_forward_file(settings: LabSettings) -> Path:
    """Where the address of the registry is for the Dagger module."""
    return settings.data / "registry-forward"


def write_registry_forward(settings: LabSettings, registry: str, address: str) -> None:
    """Write HOST:PORT=ADDRESS:PORT, so that a shell that knows the file knows the address of each new engine."""
    replace_file(registry_forward_file(settings), f"{registry}={address}\n", mode=0o600)


def read_forwards(settings: LabSettings, engine: DaemonRecord | None) -> Mapping[int, str]:
    """The addresses that the running engine was started with; empty if there are none on record."""
    try:
        data = json.loads(read_file(_file(settings)))
        if engine is None or data["pid"] != engine.pid:
            return MappingProxyType({})
        return MappingProxyType({int(port): str(address) for port, address in data["forwards"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return MappingProxyType({})


def _file(settings: LabSettings) -> Path:
    return settings.data / "forwards.json"
