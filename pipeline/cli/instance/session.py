"""A command's hold on this user's instance: its registry is up, and nobody stops it meanwhile."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import lab
from pipeline.lab.registry_credentials import ensure_credentials
from pipeline.lab.registry_port import registry_names
from pipeline.lab.seed import Site
from pipeline.lab.settings import LabSettings
from pipeline.model import Mirrors, Platform
from pipeline.util.child_environment import child_environment
from pipeline.util.dataclass import dataclass

from ..output.progress import Progress
from .limits import seconds
from .lock_file import LockFile, lock_file
from .site import ensure_site

if TYPE_CHECKING:
    from pipeline.engine.session import Connection

_CONNECT_LIMIT = 60.0  # seconds
_KEPT_LOGS = 10


@dataclass(frozen=True, slots=True)
class InstanceSession:
    """An instance in use. `host` is its registry in references; `site` has the lab's stand-ins, None where images
    come from their publishers; `note_builder` records the builder that was started, for `lockage status`."""

    settings: LabSettings
    root: Path
    host: str
    site: Site | None
    report: Progress
    note_builder: Callable[[str], None]

    @property
    def mirrors(self) -> Mirrors:
        """The registries that stand in for others."""
        from pipeline.registry.auth.environ import mirrors_from_environ

        return Mirrors.parse(self.site.mirrors) if self.site else mirrors_from_environ(os.environ)

    @property
    def lock(self) -> LockFile:
        """The lock in force."""
        return lock_file(self.root, self.settings, self.site)

    @property
    def platform(self) -> Platform | None:
        """The platform of this instance's engine; None where only the engine itself knows it."""
        from pipeline.lab.seed import own_platform

        return own_platform() if self.settings.engine in (None, "docker", "lab") else None

    async def connect(self, address: str | None) -> Connection:
        """Start the engine at an address, or this instance's own, and say how to reach it. Raises
        EnvironmentProblem, UsageError."""
        from pipeline.engine.session import Connection, Login
        from pipeline.engine.trace import sampling

        credentials = ensure_credentials(self.settings)
        settings = replace(self.settings, engine=address) if address else self.settings
        instance = await lab.up(settings, self.report.step)
        return Connection(
            instance.dagger_bin,
            child_environment("dagger", os.environ, {**instance.connect_env(), **sampling(os.environ)}),
            _session_log(self.settings.data / "logs"),
            seconds("LOCKAGE_CONNECT_LIMIT", _CONNECT_LIMIT),
            remote=instance.backend.kind == "remote",
            forwards=instance.forwards,
            schemas=self.settings.cache / "schemas",
            logins=(Login(instance.registry, credentials.username, credentials.password),),
        )

    async def ensure_stand_ins(
        self, tools: Collection[str], platforms: Collection[Platform], before: Callable[[], Awaitable[None]]
    ) -> LockFile:
        """The lock once the lab's stand-ins exist for these platforms, and those that are made on demand if one of the
        tools, by their key in lockage.yml, is theirs; `before` is awaited before one is made, which takes minutes."""
        from pipeline.lab.seed import on_demand, own_platform

        if self.site is None:
            return self.lock
        also = on_demand() if "grype" in tools else frozenset()
        if also <= set(self.site.seeded) and set(platforms) <= {own_platform(), *self.site.platforms}:
            return self.lock
        await before()
        site = await ensure_site(self.settings, self.host, self.report, also=also, platforms=platforms)
        return lock_file(self.root, self.settings, site)


@asynccontextmanager
async def instance_session(
    root: Path, command: str, report: Progress, *, emulate: bool = False
) -> AsyncIterator[InstanceSession]:
    """This user's instance with its registry up. Raises EnvironmentProblem, UsageError."""
    settings = LabSettings.from_env(os.environ)
    if emulate:
        settings = replace(settings, emulate=True)
    with _hold(settings, root, command) as note_builder:
        instance = await lab.up(settings, report.step, registry_only=True)
        site = await ensure_site(settings, instance.registry, report)
        yield InstanceSession(settings, root, instance.registry, site, report, note_builder)


@asynccontextmanager
async def registry_session(
    root: Path, command: str, report: Progress, hosts: Collection[str]
) -> AsyncIterator[None]:
    """Keep this user's registry up if one of these hosts is its name. For other hosts nothing is started.

    Raises EnvironmentProblem, UsageError.
    """
    settings = LabSettings.from_env(os.environ)
    if not registry_names(settings).intersection(hosts):
        yield
        return
    with _hold(settings, root, command):
        await lab.up(settings, report.step, registry_only=True)
        yield


def _hold(settings: LabSettings, root: Path, command: str) -> AbstractContextManager[Callable[[str], None]]:
    return lab.hold(settings, root.absolute(), command)


def _session_log(folder: Path) -> Path:
    """A log of this process's own; the newest of other processes are kept."""
    logs = sorted(folder.glob("session-*.log"), key=lambda path: path.stat().st_mtime)
    for path in logs[:-_KEPT_LOGS]:
        path.unlink(missing_ok=True)
    return folder / f"session-{os.getpid()}.log"
