"""Where official images come from: their publishers, or the lab's stand-ins where no publisher can be reached."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress

from pipeline.errors import RegistryError, UsageError
from pipeline.lab.seed import Site
from pipeline.lab.settings import LabSettings
from pipeline.model import Platform
from pipeline.util.files import read_file

from ..files.replace import replace_file
from ..output.progress import Progress

_CONNECT_TIMEOUT = 5.0  # seconds


async def ensure_site(
    settings: LabSettings,
    registry: str,
    report: Progress,
    *,
    refresh: bool = False,
    also: Collection[str] = (),
    platforms: Collection[Platform] = (),
) -> Site | None:
    """This site's stand-ins for official images, made where they are needed; None where publishers answer.

    LOCKAGE_IMAGES=lab or =upstream decides; otherwise the publishers' registry is tried once, and the outcome
    holds as long as the instance's data does. `platforms` are those to have beside this machine's; `also` names images
    that are made on demand; `refresh`
    checks whether each stand-in is what would be made today. Raises UsageError.
    """
    from pipeline.lab.seed import needed, own_platform

    images = os.environ.get("LOCKAGE_IMAGES") or "auto"
    if images not in ("auto", "lab", "upstream"):
        raise UsageError(f"LOCKAGE_IMAGES={images!r} is not known", hint="auto, lab or upstream")
    if images == "upstream" or (images == "auto" and await _publishers_answer(settings)):
        return None
    site = Site.read(settings.data)
    if site is not None and not refresh:
        seeded = site.registry == registry and {*needed(), *also} <= set(site.seeded)
        if seeded and set(platforms) <= {own_platform(), *site.platforms}:
            return site
    from pipeline.lab.seed import seed

    return await seed(settings, registry, report.step, also=also, platforms=platforms)


async def _publishers_answer(settings: LabSettings) -> bool:
    """Whether Docker Hub can be reached from here; tried once for an instance, within a few seconds."""
    from pipeline.registry import ClientSettings, Registry, RequestFailed

    if Site.read(settings.data):
        return False
    outcome = settings.data / "publishers"
    with suppress(OSError):
        return read_file(outcome).strip() == b"reachable"
    one_try = ClientSettings(attempts=1, connect_attempts=1, connect_timeout=_CONNECT_TIMEOUT)
    try:
        async with Registry(settings=one_try) as registry:
            await registry.ping("docker.io")
        reachable = True
    except RequestFailed as failure:
        reachable = failure.fault.status == 401  # it answers, only not to somebody without credentials
    except RegistryError:
        reachable = False
    replace_file(outcome, "reachable\n" if reachable else "unreachable\n")
    return reachable
