"""Programs that a test kills at one of their writes: a release and a rollback, as other processes make them."""

from __future__ import annotations

import copyreg
import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipeline.plan import Plan
from pipeline.policy import Revision
from pipeline.registry import Registry
from pipeline.registry.http.messages import Request, Response
from pipeline.release.rollback import RollbackRequest, Rollbacks
from pipeline.release.versions.release import ReleaseNames, Releases
from pipeline.run import RunContext
from tests.stages.fleet import context_of


def _read_only(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(mapping)


multiprocessing.get_context("forkserver").set_forkserver_preload(
    [__name__]
)  # or each would import all of that
copyreg.pickle(MappingProxyType, lambda mapping: (_read_only, (dict(mapping),)))


@dataclass(frozen=True)
class Life:
    """Where images go, and the commit that they are of."""

    plan: Plan
    folder: Path
    revision: Revision

    def context(self, registry: Registry) -> RunContext:
        made = context_of(registry, self.plan, self.folder, lambda event: None)
        return replace(made, revision=self.revision)


@dataclass(frozen=True)
class Kill:
    """In place of the n-th request that writes, or right after it if `passed_on`."""

    number: int
    passed_on: bool


async def release(life: Life, version: str, registry: Registry) -> None:
    """Release a version to all environments of releases."""
    names = ReleaseNames.of(life.plan, version)
    await Releases(life.context(registry), names, life.plan.project.releases).perform()


async def rollback(life: Life, _: str, registry: Registry) -> None:
    """Roll the first environment of releases back to the state before."""
    request = RollbackRequest(life.plan.project.releases[0], reason="breaks logins")
    await Rollbacks(life.context(registry), request).perform()


PROGRAMS = {"release": release, "rollback": rollback}


async def killed(program: str, life: Life, version: str, kill: Kill) -> None:
    """One of the programs, killed as by `kill -9`."""
    async with Registry() as registry:
        until(registry, kill, lambda: os.kill(os.getpid(), signal.SIGKILL))
        await PROGRAMS[program](life, version, registry)


def until(registry: Registry, kill: Kill, end: Callable[[], None]) -> None:
    """Have a client call `end` from one of its writes on, and before or after that one."""
    writes = itertools.count(1)
    send = registry._transport.send

    async def ending(request: Request) -> Response:
        number = 0 if request.reads else next(writes)
        if number > kill.number or (number == kill.number and not kill.passed_on):
            end()
        response = await send(request)
        if number == kill.number:
            end()
        return response

    registry._transport.send = ending  # type: ignore[method-assign]
