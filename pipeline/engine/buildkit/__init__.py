"""BuildKit as a Dagger service, and `buildctl` as its client; nothing outside this folder knows either.

A build is data (`BuildOrder`); its command line (`arguments`) and reading the client's report (`read_report`) are pure.
The daemon runs once for each engine and run (`Daemon`); its state stays in a cache volume of the engine. Names are
imported on first use: a run that builds nothing reads limits and variables from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.lazy import names

if TYPE_CHECKING:
    from .cache import CacheEvent, Caches, caches
    from .client import Built, build
    from .config import DaemonConfig
    from .daemon import Daemon
    from .order import BuildOrder, arguments
    from .report import CACHE, Failure, read_report

if not TYPE_CHECKING:
    __getattr__ = names(
        __name__,
        {
            "cache": ("CacheEvent", "Caches", "caches"),
            "client": ("Built", "build"),
            "config": ("DaemonConfig",),
            "daemon": ("Daemon",),
            "order": ("BuildOrder", "arguments"),
            "report": ("CACHE", "Failure", "read_report"),
        },
    )

__all__ = [
    "CACHE",
    "BuildOrder",
    "Built",
    "CacheEvent",
    "Caches",
    "Daemon",
    "DaemonConfig",
    "Failure",
    "arguments",
    "build",
    "caches",
    "read_report",
]
