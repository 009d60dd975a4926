"""BuildKit as a Dagger service, and `buildctl` as its client: the one place that knows either.

A build is data (`BuildOrder`), its command line is pure (`arguments`), and so is reading what the client reported
(`report`). The daemon runs once for each engine and run (`Daemon`); its state stays in a cache volume of the engine.
"""

from .cache import Caches, Event, caches
from .client import Built, build
from .daemon import Daemon, DaemonConfig
from .order import BuildOrder, arguments
from .report import CACHE, Failure, read_report

__all__ = [
    "CACHE",
    "BuildOrder",
    "Built",
    "Caches",
    "Daemon",
    "DaemonConfig",
    "Event",
    "Failure",
    "arguments",
    "build",
    "caches",
    "read_report",
]
