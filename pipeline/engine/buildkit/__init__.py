"""BuildKit as a Dagger service, and `buildctl` as its client; nothing outside this folder knows either.

A build is data (`BuildOrder`); its command line (`arguments`) and reading the client's report (`read_report`) are pure.
The daemon runs once for each engine and run (`Daemon`); its state stays in a cache volume of the engine.
"""

from .cache import CacheEvent, Caches, caches
from .client import Built, build
from .config import DaemonConfig
from .daemon import Daemon
from .order import BuildOrder, arguments
from .report import CACHE, Failure, read_report

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
