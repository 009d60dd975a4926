"""The run: every stage in order, for targets and image tags.

Names are imported when they are asked for: what only verifies needs no stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.lazy import names

if TYPE_CHECKING:
    from .context import RunContext, RunLimits
    from .engines import Engines, GivenEngine, LazyEngine
    from .pipeline import run
    from .results import ImageResult, RunResult, Stage, Status, TargetResult

_HOMES = {
    "context": ("RunContext", "RunLimits"),
    "engines": ("Engines", "GivenEngine", "LazyEngine"),
    "pipeline": ("run",),
    "results": ("ImageResult", "RunResult", "Stage", "Status", "TargetResult"),
}
if not TYPE_CHECKING:
    __getattr__ = names(__name__, _HOMES)

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
