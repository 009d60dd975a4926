"""Fill the mirror: make what the cache does not hold, push what the registry does not hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.model import Platform, Reference

from ..settings import LabSettings, Report, quiet
from ..tools import recipes
from . import base, buildkit, database, store, tools
from .layout import SeedLayout
from .site import Seeded, Site

if TYPE_CHECKING:
    from pipeline.registry import Registry


def needed() -> tuple[str, ...]:
    """The official references that `seed` can stand in for."""
    images = (image.reference for image in tools.TOOL_IMAGES)
    return (base.REFERENCE, database.REFERENCE, *images, buildkit.FRONTEND_REFERENCE, buildkit.REFERENCE)


async def seed(
    settings: LabSettings,
    registry_host: str,
    report: Report = quiet,
    *,
    only: Collection[str] | None = None,
    platforms: Collection[Platform] = (),
) -> Site:
    """Put every stand-in that is missing into the registry, and say what lies there.

    `registry_host` is a host with port, `localhost:5000`; `only` limits the work to some of `needed()`. The
    Debian base is made for this machine's platform, for `platforms`, and for all that were asked for before.
    What is there already costs one HEAD each. The result is kept in the instance's data folder (`Site.read`).
    Raises `EnvironmentProblem` if something cannot be made, `RegistryError` if it cannot be pushed, `UsageError`
    for a reference that has no stand-in.
    """
    from pipeline.registry import Registry
    from pipeline.util.concurrency import each

    if unknown := set(only or ()) - set(needed()):
        raise UsageError(
            f"the lab has no stand-in for {', '.join(sorted(unknown))}", hint=f"it has {', '.join(needed())}"
        )
    known = Site.read(settings.data)
    site = known if known and known.registry == registry_host else Site(registry_host)
    more = tuple(sorted({*site.platforms, *platforms} - {own_platform()}))
    site = replace(site, platforms=more)
    made = items(settings, report, more)
    chosen = [item for item in made if only is None or str(item.reference) in only]
    async with Registry() as registry:
        filler = _Filler(site, registry, settings, report)
        there = await each(filler.look, chosen)
        missing = [item for item, one in zip(chosen, there, strict=True) if one is None]
        done = dict(zip(chosen, there, strict=True))
        # Debian's packages come over the network while the compiler works; two compilers would only wait.
        debian = Reference.parse(base.REFERENCE)
        first = [item for item in missing if item.reference == debian]
        rest = [item for item in missing if item.reference != debian]
        for pushed in await each(filler.fill, [first, rest]):
            done |= pushed
    seeded = {**site.seeded, **{str(item.reference): one for item, one in done.items() if one}}
    site = replace(site, seeded=seeded)
    if site != known:
        site.write(settings.data)
    return site


@dataclass(frozen=True, slots=True)
class _Filler:
    site: Site
    registry: Registry
    settings: LabSettings
    report: Report

    async def look(self, item: store.Item) -> Seeded | None:
        """What the registry has for this item, if it is what would be made today."""
        wanted = self._wanted(item)
        if wanted is None:
            return None
        found = await self.registry.head(self.site.mirrored(item.reference))
        return wanted if found is not None and found.digest == wanted.digest else None

    def _wanted(self, item: store.Item) -> Seeded | None:
        known = self.site.seeded.get(str(item.reference))
        if known and known.key == item.key:
            return known
        layout = store.cached(item, self.settings)
        return Seeded(item.key, store.root(layout).digest) if layout else None

    async def fill(self, items: Sequence[store.Item]) -> dict[store.Item, Seeded]:
        """Make and push one after the other."""
        return {item: await self._push(item) for item in items}

    async def _push(self, item: store.Item) -> Seeded:
        from pipeline.registry import push_layout

        layout = await store.ensure(item, self.settings, self.report)
        target = self.site.mirrored(item.reference)
        self.report(f"seed {item.name}", f"pushing {target}")
        await push_layout(self.registry, layout, target.repository, target.tag)
        return Seeded(item.key, store.root(layout).digest)


def own_platform() -> Platform:
    """This machine's."""
    return Platform("linux", recipes.architecture())


def items(settings: LabSettings, report: Report, platforms: Sequence[Platform] = ()) -> list[store.Item]:
    """Everything that can be seeded, with its key and how it is made; computing it makes nothing.

    `platforms` are those of the Debian base beside this machine's own.
    """
    platform = own_platform()
    more = {"settings": settings, "report": report}
    made = [
        _debian(settings, report, sorted({platform, *platforms})),
        store.Item(
            database.NAME,
            Reference.parse(database.REFERENCE),
            database.inputs(),
            partial(database.build, **more),
        ),
    ]
    for image in tools.TOOL_IMAGES:
        make = partial(tools.build, image, platform=platform, **more)
        inputs = tools.inputs(image, platform)
        made.append(store.Item(image.tool, Reference.parse(image.reference), inputs, make))
    here = {"platform": platform, **more}
    made += [
        store.Item(
            buildkit.FRONTEND,
            Reference.parse(buildkit.FRONTEND_REFERENCE),
            buildkit.frontend_inputs(platform),
            partial(buildkit.build_frontend, **here),
        ),
        store.Item(
            buildkit.NAME,
            Reference.parse(buildkit.REFERENCE),
            buildkit.inputs(platform),
            partial(buildkit.build, **here),
        ),
    ]
    return made


def _debian(settings: LabSettings, report: Report, platforms: Sequence[Platform]) -> store.Item:
    """The Debian base: of one platform as it is made, of several as an index over what was made for each."""
    reference = Reference.parse(base.REFERENCE)
    parts = []
    for platform in platforms:
        make = partial(base.build, platform=platform, settings=settings, report=report)
        name = base.NAME if platform == own_platform() else f"{platform.slug}-{base.NAME}"
        parts.append(store.Item(name, reference, base.inputs(platform), make))
    if len(parts) == 1:
        return parts[0]

    async def join(layout: SeedLayout) -> None:
        base.join(layout, [await store.ensure(part, settings, report) for part in parts])

    return store.Item(f"index-{base.NAME}", reference, {"platforms": [part.inputs for part in parts]}, join)
