"""Secondary registries that differ: filled by a mirror, moved by somebody, without what strangers wrote."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import Exit, GateClosed
from pipeline.registry import Registry
from pipeline.registry.copy.mirror import MirrorRule, RepositoryPattern, perform_mirror, plan_mirror
from pipeline.release.history import read_history
from pipeline.run import Stage
from pipeline.run.publish.environment_tags import TagsRefused
from pipeline.trust import SignatureRefused
from tests.release.promotions import TAGS, rebuild, with_options

from .test_secondaries import COMMIT, Level, level

__all__ = ["level"]


pytestmark = [pytest.mark.real, pytest.mark.anyio]


async def test_one_that_a_mirror_filled_is_recorded_and_not_written(level: Level, registry: Registry) -> None:
    plan = level.fleet.context.plan
    alone = replace(plan, project=replace(plan.project, secondaries=()))
    level.fleet.context = replace(level.fleet.context, plan=alone)
    await level.run()
    source = RepositoryPattern.parse(str(level.repository(there=False)))
    to = str(level.repository()).removesuffix("/app")
    await perform_mirror(registry, await plan_mirror(registry, MirrorRule(source, to)))
    level.fleet.context = replace(level.fleet.context, plan=plan)
    (_, planned, _) = (await level.run()).secondaries
    assert planned.moves == () and not planned.fault and await level.is_level(*TAGS)
    assert not [line for line in level.asked("PUT") if "/prod/" in line], "it is all there"
    history = await read_history(level.fleet.context, plan.project.environment("prod"), check=True)
    assert not history.problems, "nothing is behind"
    await level.run()
    assert len(level.asked()) == len(level.asked("HEAD")) == 1 + len(TAGS)


async def test_a_tag_that_somebody_moved_there_is_left_alone(level: Level) -> None:
    await level.run()
    (old,) = {digest for digest in await level.tags(*TAGS) if digest}
    await rebuild(level.fleet, "again")
    async with Registry() as registry:  # a stranger's image under our tag
        stranger = level.repository("dev")
        manifest = await registry.get_manifest(stranger.tagged(COMMIT))
        assert manifest
        child = await registry.get_manifest(stranger.at(manifest.children[0].digest))
        assert child
        await registry.copy(stranger, child.digest, level.repository())
        await registry.put_manifest(level.repository(), child.raw, child.media_type, tag="1")
    done = await level.run()
    assert done.exit_code == Exit.GATE
    (prod,) = [one for one in done.secondaries if one.environment.startswith("prod@")]
    assert isinstance(prod.fault, TagsRefused) and "not ours" in prod.fault.message
    assert await level.tags("1") == [child.digest] and await level.tags("1.2.3") == [old]
    context = level.fleet.context
    history = await read_history(context, context.plan.project.environment("prod"), check=True)
    assert [line for line in history.problems if "/app:1 " in line and "not ours" in line]
    with pytest.raises(TagsRefused):
        await level.promote()
    with_options(level.fleet, author="me@here", force=True)
    assert (await level.run()).exit_code == Exit.OK
    assert await level.is_level(*TAGS)


async def test_what_strangers_put_into_the_environment_goes_to_no_secondary(level: Level) -> None:
    """Commit's tag and environment name the same image, which nobody signed: nothing moves there."""
    await level.run(Stage.SIGN)
    foreign = level.fleet.context.plan.project.vulnerability_db
    async with Registry() as registry:
        head = await registry.head(foreign)
        assert head
        for environment, names in (("dev", [COMMIT]), ("prod", TAGS)):
            there = level.repository(environment, there=False)
            for name in names:
                await registry.copy(foreign.repository, head.digest, there, tag=name)
    with pytest.raises((GateClosed, SignatureRefused)):
        await level.promote()
    assert await level.tags(*TAGS) == [None] * 3 and not level.asked("PUT", "POST", "PATCH")
