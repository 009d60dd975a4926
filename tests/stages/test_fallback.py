"""What the project's registry has lost, or cannot be asked for, is read from its fallbacks, and only read there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.config.environments.values import Secondary
from pipeline.errors import RegistryError
from pipeline.model import Digest, Fallbacks, Mirrors, Reference, Repository
from pipeline.registry import Registry
from pipeline.release.promote import Promotions
from pipeline.run import Stage
from pipeline.run.image_cache import ImageCache
from pipeline.run.lock import resolve
from pipeline.run.target.external import import_external
from tests.registry import images
from tests.release.promotions import TAGS

from .fleet import recorded
from .test_secondaries import COMMIT, Level, level

__all__ = ["level"]

pytestmark = [pytest.mark.real, pytest.mark.anyio]

CLOSED = "localhost:1"  # where nothing listens


def with_fallback(level: Level, *others: str) -> None:
    """Read from these; the secondary registry has what the first environment has."""
    plan = level.fleet.context.plan
    secondary = Secondary(f"{level.proxy.host}/acme", ("dev",))
    project = replace(plan.project, secondaries=(secondary,), fallback=others)
    level.fleet.context = replace(level.fleet.context, plan=replace(plan, project=project))


async def lose(level: Level) -> Digest:
    """Delete the commit's index of the first environment, as a registry that lost data."""
    (index,) = await level.tags(COMMIT, environment="dev", there=False)
    assert index and await level.is_level(COMMIT, environment="dev")
    async with Registry() as registry:
        await registry.delete(level.repository("dev", there=False).at(index))
    return index


async def promote(level: Level, *, only_plan: bool = False) -> None:
    async with Registry() as registry:
        context = replace(level.fleet.context, registry=registry)
        level.fleet.requests = recorded(registry)
        first, prod, *_ = context.plan.project.environments
        await Promotions(context, first, [prod], signed=True).perform(only_plan=only_plan)


async def test_a_promotion_takes_what_was_lost_from_the_fallback(level: Level) -> None:
    with_fallback(level)
    await level.run(Stage.SIGN)
    index = await lose(level)
    with pytest.raises(RegistryError, match="No CI image found"):
        await promote(level)
    with_fallback(level, f"{CLOSED}/none", f"{level.proxy.host}/acme")
    await promote(level, only_plan=True)
    assert not [r for r in level.fleet.requests if r.method not in ("GET", "HEAD")], "a plan writes nothing"
    await promote(level)
    assert await level.tags(*TAGS, there=False) == [index] * 3
    assert level.asked() == level.asked("GET", "HEAD"), "a fallback is never written to"
    home = level.repository("dev", there=False)
    assert await level.digests(home.at(index)) == [index], "it is back"
    warnings = [event.detail for event in level.fleet.events if "does not give it" in event.detail]
    assert warnings and str(level.proxy.host) in warnings[0]


async def test_content_of_a_fallback_is_verified(level: Level) -> None:
    with_fallback(level, f"{level.proxy.host}/acme")
    await level.run(Stage.SIGN)
    await lose(level)
    level.proxy.every(1, "corrupt")
    with pytest.raises(RegistryError, match="does not match its digest"):
        await promote(level)
    assert await level.tags(*TAGS, there=False) == [None] * 3


async def test_bases_are_locked_and_read_where_they_are(level: Level, registry: Registry) -> None:
    image, here = images.image("base"), Repository(level.behind, "acme/bases/base")
    await images.push(registry, here, image, "1")
    context, digest = level.fleet.context, image.index.digest
    own = context.host
    for host in (own, CLOSED):  # lost; cannot be reached
        fallbacks = Fallbacks(host, (f"{level.proxy.host}/acme",))
        base = Repository(host, "bases/base").tagged("1")
        lock = await resolve(registry, Mirrors(), [base], fallbacks)
        assert lock.digest(base) == digest
        cache = ImageCache(registry, fallbacks)
        assert await cache.get_manifest(base.repository.at(digest)) == image.index
        child = image.children[0]
        assert await cache.get_manifest(base.repository.at(child.digest)) == child
        assert child.config
        assert await cache.blob(base.repository, child.config) == image.blobs[child.config]
    elsewhere = Reference.parse(f"{own}/bases/base:1")
    with pytest.raises(RegistryError, match="does not exist at"):
        await resolve(
            registry, Mirrors(), [elsewhere], Fallbacks(f"{own}/other", (f"{level.proxy.host}/acme",))
        )

    with_fallback(level, f"{level.proxy.host}/acme")
    context = replace(level.fleet.context, registry=registry)
    target = replace(context.plan.targets[0], external=elsewhere.pinned(digest), key="0" * 64)
    record = await import_external(context, ImageCache(registry, context.fallbacks), target)
    assert record.digest == image.children[0].digest
    assert await level.digests(context.builds.tagged("0" * 64)) == [record.digest]
