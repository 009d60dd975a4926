"""Seed the mirror: build what the cache lacks, push what the registry lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.model import Platform
from pipeline.util.dataclass import dataclass

from ..layout.builder import LayoutBuilder
from ..registry_credentials import registry_hosts
from ..settings import LabSettings, StepCallback, quiet
from . import (
    buildkit_images,
    debian_base,
    grype_database,
    java_database,
    official_images,
    tool_images,
    vulnerability_database,
)
from .layout_cache import SeedContext, SeedItem, cached_layout, ensure_layout, layout_manifest
from .official_images import needed, on_demand, own_platform
from .site import SeededImage, Site

if TYPE_CHECKING:
    from pipeline.registry import Registry


async def seed(
    settings: LabSettings,
    registry_host: str,
    report: StepCallback = quiet,
    *,
    only: Collection[str] | None = None,
    also: Collection[str] = (),
    platforms: Collection[Platform] = (),
) -> Site:
    """Push every missing stand-in to the registry; returns what the registry then contains.

    `registry_host` is a host with port, `localhost:5000`; `only` limits the work to some of `needed()`; `also` adds
    some of `on_demand()`. The Debian base
    is built for this machine's platform, for `platforms`, and for all that were requested before.
    A stand-in that is present costs one HEAD. The result is kept in the instance's data folder (`Site.read`).
    Raises `EnvironmentProblem` if a stand-in cannot be built, `RegistryError` if it cannot be pushed, `UsageError` for
    a reference without stand-in.
    """
    from pipeline.registry import Access, Registry
    from pipeline.util.concurrency import each

    if unknown := {*(only or ()), *also} - {*needed(), *on_demand()}:
        known = ", ".join((*needed(), *sorted(on_demand())))
        raise UsageError(f"the lab has no stand-in for {', '.join(sorted(unknown))}", hint=f"it has {known}")
    recorded = Site.read(settings.data)
    site = recorded if recorded and recorded.registry == registry_host else Site(registry_host)
    foreign = tuple(sorted({*site.platforms, *platforms} - {own_platform()}))
    site = replace(site, platforms=foreign)
    kept = on_demand() & set(site.seeded)  # what was once requested stays up to date
    wanted = {*((*needed(), *kept) if only is None else only), *also}
    selected = [item for item in items(settings, report, foreign) if str(item.reference) in wanted]
    async with Registry(Access(registry_hosts(settings))) as registry:
        seeder = _Seeder(site, registry, settings, report)
        present = dict(zip(selected, await each(seeder.find, selected), strict=True))
        missing = [item for item, image in present.items() if image is None]
        # Debian packages come over the network while the compiler works; two compilers would only wait.
        queues = [
            [item for item in missing if item.reference == official_images.DEBIAN],
            [item for item in missing if item.reference != official_images.DEBIAN],
        ]
        pushed = await each(seeder.build_and_push, queues)
    images = {str(item.reference): image for item, image in present.items() if image}
    images |= {str(item.reference): image for queue in pushed for item, image in queue}
    site = replace(site, seeded=MappingProxyType({**site.seeded, **images}))
    if site != recorded:
        site.write(settings.data)
    return site


@dataclass(frozen=True, slots=True)
class _Seeder:
    site: Site
    registry: Registry
    settings: LabSettings
    report: StepCallback

    async def find(self, item: SeedItem) -> SeededImage | None:
        """The item's image if the registry has it, with the digest that a build would have today."""
        expected = self._expected(item)
        if expected is None:
            return None
        descriptor = await self.registry.head(self.site.mirrored(item.reference))
        return expected if descriptor is not None and descriptor.digest == expected.digest else None

    def _expected(self, item: SeedItem) -> SeededImage | None:
        recorded = self.site.seeded.get(str(item.reference))
        if recorded and recorded.key == item.key:
            return recorded
        layout = cached_layout(item, self.settings)
        return SeededImage(item.key, layout_manifest(layout).digest) if layout else None

    async def build_and_push(self, items: Sequence[SeedItem]) -> list[tuple[SeedItem, SeededImage]]:
        """Build and push the items one after the other."""
        return [(item, await self._push(item)) for item in items]

    async def _push(self, item: SeedItem) -> SeededImage:
        from pipeline.registry import push_layout

        layout = await ensure_layout(item, self.settings, self.report)
        target = self.site.mirrored(item.reference)
        self.report(f"seed {item.name}", f"pushing {target}")
        await push_layout(self.registry, layout, target.repository, target.tag)
        return SeededImage(item.key, layout_manifest(layout).digest)


def items(settings: LabSettings, report: StepCallback, platforms: Iterable[Platform] = ()) -> list[SeedItem]:
    """Everything that can be seeded, with its key and how it is built; builds nothing.

    `platforms` are those of the Debian base besides this machine's own.
    """
    platform = own_platform()
    context = SeedContext(platform, settings, report)
    database = SeedItem(
        vulnerability_database.NAME,
        official_images.VULNERABILITY_DATABASE,
        vulnerability_database.inputs(),
        partial(vulnerability_database.build, context),
    )
    java = SeedItem(
        java_database.NAME, official_images.JAVA_DATABASE, java_database.inputs(), java_database.build
    )
    grype = SeedItem(
        grype_database.NAME,
        official_images.GRYPE_DATABASE,
        grype_database.inputs(),
        partial(grype_database.build, context),
    )
    tools = [
        SeedItem(
            image.tool,
            image.official,
            tool_images.inputs(image, platform),
            partial(tool_images.build, image, context),
        )
        for image in (*official_images.TOOL_IMAGES, *official_images.ON_DEMAND)
    ]
    frontend = SeedItem(
        buildkit_images.FRONTEND,
        official_images.FRONTEND,
        buildkit_images.frontend_inputs(platform),
        partial(buildkit_images.build_frontend, context),
    )
    buildkit = SeedItem(
        buildkit_images.NAME,
        official_images.BUILDKIT,
        buildkit_images.inputs(platform),
        partial(buildkit_images.build, context),
    )
    debian = _debian(context, sorted({platform, *platforms}))
    return [debian, database, java, *tools, grype, frontend, buildkit]


def _debian(context: SeedContext, platforms: Sequence[Platform]) -> SeedItem:
    """The Debian base: of one platform as it is built, of several as an index of what was built for each."""
    parts = [
        SeedItem(
            debian_base.NAME if platform == context.platform else f"{platform.slug}-{debian_base.NAME}",
            official_images.DEBIAN,
            debian_base.inputs(platform),
            partial(debian_base.build, replace(context, platform=platform)),
        )
        for platform in platforms
    ]
    if len(parts) == 1:
        return parts[0]

    async def join(layout: LayoutBuilder) -> None:
        debian_base.join(
            layout, [await ensure_layout(part, context.settings, context.report) for part in parts]
        )

    inputs: dict[str, object] = {"platforms": [part.inputs for part in parts]}
    return SeedItem(f"index-{debian_base.NAME}", official_images.DEBIAN, inputs, join)
