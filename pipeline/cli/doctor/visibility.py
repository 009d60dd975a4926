"""Who may pull from the repositories of environments that have a `visibility`."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.config import Project
from pipeline.errors import LockageError

from .finding import CheckResult, Health


async def visibility(project: Project, images: Sequence[str]) -> list[CheckResult]:
    """A warning for each that others may pull from; nothing where no environment says who should."""
    from ..commands.release.visibility import look

    try:
        repositories = await look(project, project.environments, images)
    except LockageError as fault:
        return [CheckResult.of("visibility", fault)]
    differing = [
        CheckResult("visibility", Health.WARNING, str(one), one.change) for one in repositories if one.differs
    ]
    if repositories and not differing:
        return [CheckResult.ok("visibility", f"as wanted, of {len(repositories)} repositories")]
    return differing
