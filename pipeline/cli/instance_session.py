"""Where a command works: the embedded registry, this site's mirrors and lock, and how to wake the engine."""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import lab
from pipeline.errors import UsageError
from pipeline.lab.seed import Site
from pipeline.lab.settings import LabSettings
from pipeline.model import Mirrors, Platform

from .lock_file import LockFile
from .progress import Progress

if TYPE_CHECKING:
    from pipeline.engine.session import Connection


StandIns = Callable[[Collection["Platform"], Callable[[], Awaitable[None]]], Awaitable[LockFile]]
"""`stand_ins(platforms, first)`: the lock once the lab's stand-ins are there for these platforms; `first` is
awaited before one is made, which takes minutes."""


@dataclass(frozen=True, slots=True)
class InstanceSession:
    """Where a run happens: the embedded registry, mirrors, folders, and how to wake the engine."""

    host: str
    mirrors: Mirrors
    data: Path
    cache: Path
    lock: LockFile
    wake: Callable[[str], Awaitable[Connection]]  # by an address; empty: this instance's own engine
    own: Platform | None  # this instance's engine's, where that is known without asking
    lab: bool  # whether the lab stands in for publishers here
    stand_ins: StandIns
    note_builder: Callable[[str], None]  # for `lockage status`


@asynccontextmanager
async def instance_session(options: argparse.Namespace, report: Progress) -> AsyncIterator[InstanceSession]:
    """The place of this user's instance, with its registry up and nobody able to stop it meanwhile."""
    from pipeline.engine.session import Connection
    from pipeline.lab.seed import own_platform
    from pipeline.registry.auth.environ import mirrors_from_environ

    settings = LabSettings.from_env(os.environ)
    if options.emulate:
        settings = replace(settings, emulate=True)
    with lab.hold(settings, options.root.absolute(), options.name) as note_builder:
        instance = await lab.up(settings, report.step, registry_only=True)
        site = await mirror(settings, instance.registry, report)

        async def wake(address: str) -> Connection:
            chosen = replace(settings, engine=address) if address else settings
            woken = await lab.up(chosen, report.step)
            log = _session_log(settings.data / "logs")
            environment = {**os.environ, **woken.connect_env()}
            remote = woken.backend.kind == "remote"
            limit = seconds("LOCKAGE_CONNECT_LIMIT", 60)
            return Connection(
                woken.dagger_bin,
                environment,
                log,
                limit,
                remote=remote,
                forwards=woken.forwards,
                schemas=settings.cache / "schemas",
            )

        async def stand_ins(
            platforms: Collection[Platform], first: Callable[[], Awaitable[None]]
        ) -> LockFile:
            now = site
            if now and set(platforms) - {own_platform(), *now.platforms}:
                await first()
                now = await mirror(settings, instance.registry, report, platforms=platforms)
            return lock_file(options, settings, now)

        yield InstanceSession(
            host=instance.registry,
            mirrors=Mirrors.parse(site.mirrors) if site else mirrors_from_environ(os.environ),
            data=settings.data,
            cache=settings.cache,
            lock=lock_file(options, settings, site),
            wake=wake,
            own=None if settings.engine not in (None, "docker", "lab") else own_platform(),
            lab=site is not None,
            stand_ins=stand_ins,
            note_builder=note_builder,
        )


def _session_log(folder: Path) -> Path:
    """A log of this process's own; the ten newest of others are kept."""
    old = sorted(folder.glob("session-*.log"), key=lambda path: path.stat().st_mtime)
    for path in old[:-10]:
        path.unlink(missing_ok=True)
    return folder / f"session-{os.getpid()}.log"


def seconds(variable: str, usual: float) -> float:
    """A limit from the environment, in whole seconds. Raises UsageError."""
    text = os.environ.get(variable) or f"{usual:.0f}"
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"{variable}={text[:40]!r} is not a number of seconds")
    return float(text)


async def mirror(
    settings: LabSettings,
    registry: str,
    report: Progress,
    *,
    renew: bool = False,
    platforms: Collection[Platform] = (),
) -> Site | None:
    """This site's stand-ins for official images, made where they are needed; None where publishers answer.

    LOCKAGE_IMAGES=lab or =upstream decides; otherwise the publishers' registry is asked once, and the answer
    holds as long as the instance's data does. `platforms` are those to have beside this
    machine's; `renew` looks whether each stand-in is what would be made today.
    """
    from pipeline.lab.seed import needed, own_platform, seed

    wanted = os.environ.get("LOCKAGE_IMAGES") or "auto"
    if wanted not in ("auto", "lab", "upstream"):
        raise UsageError(f"LOCKAGE_IMAGES={wanted!r}", hint="auto, lab or upstream")
    if wanted == "upstream" or (wanted == "auto" and await _publishers_answer(settings)):
        return None
    site = Site.read(settings.data)
    whole = site is not None and site.registry == registry and set(needed()) <= set(site.seeded)
    whole = whole and site is not None and set(platforms) <= {own_platform(), *site.platforms}
    if whole and not renew:
        return site
    return await seed(settings, registry, report.step, platforms=platforms)


async def _publishers_answer(settings: LabSettings) -> bool:
    """Whether Docker Hub can be reached from here; asked once for an instance, within a few seconds."""
    from pipeline.errors import RegistryError
    from pipeline.registry import ClientSettings as Patience
    from pipeline.registry import Registry

    if Site.read(settings.data):
        return False
    answer = settings.data / "publishers"
    if answer.is_file():
        return answer.read_text().strip() == "reachable"
    try:
        async with Registry(settings=Patience(attempts=1, connect_attempts=1, connect_timeout=5)) as registry:
            await registry.ping("docker.io")
        reachable = True
    except RegistryError as fault:
        # "authentication required" is an answer, too
        reachable = "401" in fault.message or "authenti" in fault.message.lower()
    answer.write_text("reachable\n" if reachable else "unreachable\n")
    return reachable


def lock_file(options: argparse.Namespace, settings: LabSettings, site: Site | None) -> LockFile:
    """The lock in force: lockage.lock in the project, or one of this site's own where it has stand-ins."""
    if site is None:
        return LockFile(options.root / "lockage.lock")
    from pipeline.model import Reference

    own = {Reference.parse(name): one.digest for name, one in site.seeded.items()}
    return LockFile(settings.data / "locks" / _lock_name(options.root), own)


def known_lock(options: argparse.Namespace) -> LockFile:
    """The lock in force as far as the disk knows: for commands that need no registry."""
    settings = LabSettings.from_env(os.environ)
    forced = os.environ.get("LOCKAGE_IMAGES")
    return lock_file(options, settings, None if forced == "upstream" else Site.read(settings.data))


def _lock_name(root: Path) -> str:
    """One lock a checkout: two checkouts of one project may be at different commits."""
    import hashlib

    whole = str(root.resolve())
    return f"{Path(whole).name or 'root'}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}.lock"
