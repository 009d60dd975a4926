"""The registries of a project: whether they answer, what they let us do, and whether their clock is ours."""

from __future__ import annotations

import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

from pipeline.config import Project
from pipeline.config.values import EMBEDDED
from pipeline.errors import LockageError
from pipeline.model import Repository
from pipeline.registry import Registry

from .finding import CheckResult, Health

_SKEW = 300  # seconds


async def registries(project: Project, images: Sequence[str]) -> list[CheckResult]:
    """A dry push to one repository of each registry: an upload is opened and cancelled, nothing is written."""
    from ..registry_access import registry_access

    checks: list[CheckResult] = []
    async with Registry(registry_access()) as registry:
        for repository in _repositories(project, images):
            checks += await _registry(registry, repository)
    if not checks:
        checks.append(CheckResult.ok("registries", "the embedded one alone; a run starts it"))
    return checks


def _repositories(project: Project, images: Sequence[str]) -> list[Repository]:
    """One for each registry that is not the embedded one: of builds, of an image in each environment,
    and at each secondary."""
    by_host: dict[str, Repository] = {}
    if project.registry != EMBEDDED:
        builds = project.builds_repository(embedded="")
        by_host[builds.host] = builds
    for environment in project.places:
        if images and (environment.registry or project.registry) != EMBEDDED:
            repository = project.repository(environment, images[0], embedded="")
            by_host.setdefault(repository.host, repository)
    return list(by_host.values())


async def _registry(registry: Registry, repository: Repository) -> list[CheckResult]:
    name = f"registry {repository.host}"
    try:
        date = await registry.try_push(repository)
    except LockageError as fault:
        hint = (
            fault.hint
            or f"docker login {repository.host}; the token needs the right to push to {repository.path}"
        )
        return [CheckResult(name, Health.PROBLEM, fault.message, hint)]
    return [CheckResult.ok(name, f"lets us push to {repository.path}"), *_clock(repository.host, date)]


def _clock(host: str, date: str) -> list[CheckResult]:
    """Ours against that of a registry (RFC 9110 §6.6.1)."""
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return []
    ahead = time.time() - theirs
    if abs(ahead) <= _SKEW:
        return [CheckResult.ok("clock", f"as {host} has it")]
    way = "ahead of" if ahead > 0 else "behind"
    text = f"{abs(ahead):.0f} s {way} {host}: tokens, certificates and ages are judged by it"
    return [CheckResult("clock", Health.PROBLEM, text, "timedatectl set-ntp true")]
