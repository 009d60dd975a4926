"""A fleet whose image is promoted, rebuilt and promoted again, and what tags of its environments name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.model import Digest, Reference
from pipeline.model.tag_rules import TagRules
from pipeline.registry import Registry
from pipeline.run import ImageResult, Stage
from pipeline.run.publish.promotion import PromotionOptions
from pipeline.state.ledger import Ledger, load_ledger
from pipeline.state.records import Records
from tests.stages.fleet import Fleet, know, make_fleet, plan

TAGS = ["1.2.3", "1", "1.2"]


async def promoted_thrice(host: str, registry: Registry, folder: Path) -> Fleet:
    """Three promotions of one image, rebuilt before each: entries 1 to 3 of the ledger."""
    fleet = await make_fleet(registry, plan(host), folder)
    with_options(fleet, author="me@here")
    for seed in ("", "second", "third"):
        if seed:
            await rebuild(fleet, seed)
        assert not (await promoted(fleet)).fault
    return fleet


def reference(fleet: Fleet, tag: str, environment: int = 1) -> Reference:
    """A tag of the image in an environment."""
    found = fleet.context.plan.project.environments[environment]
    return fleet.context.repository(found, "app").tagged(tag)


async def tags(fleet: Fleet, *names: str) -> list[Digest | None]:
    """What tags of the second environment name."""
    found = [await fleet.context.registry.head(reference(fleet, name)) for name in names]
    return [descriptor.digest if descriptor else None for descriptor in found]


async def point(fleet: Fleet, tag: str, digest: Digest) -> None:
    """Move a tag as a stranger does."""
    repository = reference(fleet, tag).repository
    manifest = await fleet.context.registry.get_manifest(repository.at(digest))
    assert manifest
    await fleet.context.registry.put_manifest(repository, manifest.raw, manifest.media_type, tag=tag)


async def rebuild(fleet: Fleet, seed: str, version: str = "1.2.3") -> None:
    """Have other images of the same targets, built for another version if there is one."""
    context = fleet.context
    targets = [
        replace(
            target,
            key=Digest.of(f"{target.id} {seed}".encode()).hex,
            tag=version,
            tags=(version, *target.tags[1:]),
        )
        for target in context.plan.targets
    ]
    fleet.context = replace(context, plan=replace(context.plan, targets=tuple(targets)))
    records = Records(fleet.context.store(), targets)
    database = await context.registry.head(context.plan.project.vulnerability_db)
    assert database
    for target in targets:
        await know(fleet.context, records, replace(target, id=f"{target.id} {seed}"), database.digest)


def with_rules(fleet: Fleet, **rules: Any) -> None:
    """Give the second environment rules for its tags."""
    project = fleet.context.plan.project
    first, second, *others = project.environments
    environments = (first, replace(second, tags=TagRules(**rules)), *others)
    changed = replace(fleet.context.plan, project=replace(project, environments=environments))
    fleet.context = replace(fleet.context, plan=changed)


def with_options(fleet: Fleet, **options: Any) -> None:
    fleet.context = replace(fleet.context, promotion=PromotionOptions(**options))


async def promoted(fleet: Fleet) -> ImageResult:
    """The one image of a run that promotes."""
    (image,) = (await fleet.run(Stage.PROMOTE)).images
    return image


async def ledger(fleet: Fleet) -> Ledger:
    return await load_ledger(fleet.context.store(), fleet.context.plan.project.environments[1].name)
