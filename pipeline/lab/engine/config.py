"""The engine's configuration, the same for the lab backend and the Docker backend."""

from __future__ import annotations

import json
from collections.abc import Mapping

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def engine_json(*ports: int) -> str:
    """`engine.json`: plain HTTP for the local registries on these ports, and cache limits that suit a shared disk.

    By default an engine prunes everything while less than a fifth of the disk is free.
    """
    config = {
        "logLevel": "warn",
        "gc": {"maxUsedSpace": "25GB", "reservedSpace": "5GB", "minFreeSpace": "3GB"},
        "registries": {
            f"{host}:{port}": {"http": True} for port in ports for host in ("localhost", "127.0.0.1")
        },
    }
    return json.dumps(config, indent=2) + "\n"


def proxy_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The proxy variables that an engine inherits; the local registry is never behind a proxy."""
    proxies = {name: value for name, value in environ.items() if name.upper() in _PROXIES and value}
    if proxies:
        for name in ("NO_PROXY", "no_proxy"):
            proxies[name] = ",".join(filter(None, ("localhost,127.0.0.1", environ.get(name, ""))))
    return proxies
