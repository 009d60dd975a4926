"""`--locked`: a plan whose bases and tools all have a digest."""

from __future__ import annotations

from pipeline.errors import ConfigError, Problem

from .plan import Plan


def require_locked(plan: Plan, path: str) -> None:
    """Raises ConfigError with every base and tool that the lock at `path` lacks."""
    if plan.unlocked:
        raise ConfigError(
            [Problem(path, 0, 0, f"images[{str(r)!r}]", "is not locked") for r in plan.unlocked],
            hint="`lockage lock` pins them; --locked never does",
        )
