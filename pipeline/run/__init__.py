"""The run: every stage in order, for targets and image tags."""

from .context import RunContext, RunLimits
from .engines import Engines, GivenEngine, LazyEngine
from .pipeline import run
from .results import ImageResult, RunResult, Stage, Status, TargetResult

__all__ = [
    "Engines",
    "GivenEngine",
    "ImageResult",
    "LazyEngine",
    "RunContext",
    "RunLimits",
    "RunResult",
    "Stage",
    "Status",
    "TargetResult",
    "run",
]
