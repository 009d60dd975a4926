"""Secondary registries on real ones: level after each command, behind while they are down, never moved by rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import pytest
from aiohttp import web

from pipeline.config.environments.values import Secondary
from pipeline.errors import Exit
from pipeline.model import Digest, Reference, Repository
from pipeline.model.retention import EnvironmentRetention, Retention, RetentionRule
from pipeline.registry import Registry
from pipeline.release.history import read_history
from pipeline.release.promote import Promotions
from pipeline.release.retention.context import scope_of
from pipeline.release.retention.perform import perform_retention
from pipeline.release.retention.planning import plan_retention
from pipeline.release.retention.scope import RetentionRequest
from pipeline.release.rollback import RollbackRequest, Rollbacks
from pipeline.release.versions.release import ReleaseNames, Releases
from pipeline.run import RunResult, Stage, run
from pipeline.run.secondary.follow import SecondaryResult
from pipeline.state.ledger import load_ledger
from pipeline.trust import PublicKey, examine
from tests.registry.conftest import Program, crane
from tests.registry.fault_proxy import Proxy, faulty
from tests.release.cuts import Cut, cut_at_write
from tests.release.promotions import TAGS, rebuild, with_options
from tests.release.retention.repository import NOW
from tests.tools import peers

from .fleet import PUBLIC, Fleet, make_fleet, plan, recorded

pytestmark = [pytest.mark.real, pytest.mark.anyio]

__all__ = ["crane"]

COMMIT = f"ci-{'a' * 40}-1.2.3"


@dataclass
class Level:
    """A fleet with a secondary registry behind a proxy, which may be down."""

    fleet: Fleet
    proxy: Proxy
    behind: str  # the registry's own host

    def down(self) -> None:
        async def gone(request: web.Request) -> web.StreamResponse:
            return web.Response(status=403)

        self.proxy.gate = gone

    def up(self) -> None:
        self.proxy.gate = None

    def repository(self, environment: str = "prod", *, there: bool = True) -> Repository:
        """The image's at the secondary registry itself, or in its environment."""
        context = self.fleet.context
        of = context.plan.project.environment(environment)
        found = context.repository(of, "app")
        return Repository(self.behind, f"acme/{found.path}") if there else found

    async def digests(self, *references: Reference) -> list[Digest | None]:
        async with Registry() as registry:
            heads = [await registry.head(reference) for reference in references]
        return [head.digest if head else None for head in heads]

    async def tags(self, *names: str, environment: str = "prod", there: bool = True) -> list[Digest | None]:
        repository = self.repository(environment, there=there)
        return await self.digests(*(repository.tagged(name) for name in names))

    async def is_level(self, *names: str, environment: str = "prod") -> bool:
        """Whether these tags name the same in both, all of them something."""
        found = await self.tags(*names, environment=environment)
        return found == await self.tags(*names, environment=environment, there=False) and all(found)

    async def run(self, until: Stage = Stage.PROMOTE) -> RunResult:
        return await self.fleet.run(until)

    async def promote(self, *, only_plan: bool = False) -> tuple[SecondaryResult, ...]:
        async with Registry() as registry:
            context = replace(self.fleet.context, registry=registry)
            self.fleet.requests = recorded(registry)
            first, prod, *_ = context.plan.project.environments
            promotions = Promotions(context, first, [prod], signed=True)
            await promotions.perform(only_plan=only_plan)
            return promotions.secondaries

    def asked(self, *methods: str) -> list[str]:
        """The last run's requests to the secondary registry, of these methods or all."""
        return [
            f"{r.method} {r.target}"
            for r in self.fleet.requests
            if r.host == self.proxy.host and (not methods or r.method in methods)
        ]


@pytest.fixture(params=["olareg", "distribution"])
async def level(request: pytest.FixtureRequest, registry: Registry, tmp_path: Path) -> AsyncIterator[Level]:
    """One image that is built; each of the servers is the other's secondary."""
    other = {"olareg": "distribution", "distribution": "olareg"}[request.param]
    host, behind = request.getfixturevalue(request.param), request.getfixturevalue(other)
    fleet = await make_fleet(registry, plan(host), tmp_path)
    with_options(fleet, author="me@here")
    async with faulty(behind) as proxy:
        project = fleet.context.plan.project
        secondary = Secondary(f"{proxy.host}/acme", tuple(e.name for e in project.environments))
        project = replace(project, secondaries=(secondary,))
        fleet.context = replace(fleet.context, plan=replace(fleet.context.plan, project=project))
        yield Level(fleet, proxy, behind)


async def test_a_run_leaves_the_same_in_both(level: Level, crane: Program) -> None:
    done = await level.run()
    assert done.exit_code == Exit.OK and not [one for one in done.secondaries if one.fault]
    dev, prod, live = done.secondaries
    assert [move.reference.tag for move in dev.moves] == [COMMIT]
    assert sorted(move.reference.tag or "" for move in prod.moves) == sorted(TAGS) and live.moves == ()
    assert await level.is_level(COMMIT, environment="dev") and await level.is_level(*TAGS)
    here, there = level.repository(there=False), level.repository()
    (index,) = {digest for digest in await level.tags(*TAGS) if digest}
    async with Registry() as registry:
        for repository in (level.repository("dev"), there):
            ours = {d.digest for d in await registry.referrers(here, index)}
            assert ours and {d.digest for d in await registry.referrers(repository, index)} == ours
            assert (await examine(registry, repository, index, PublicKey(PUBLIC, "test"))).signed
    reference = str(there.tagged("1"))
    assert await crane("digest", reference) == str(index)
    await crane("validate", "--remote", reference)
    argv = [peers.regctl(), "--host", f"reg={level.behind},tls=disabled", "image", "digest", reference]
    assert await anyio.to_thread.run_sync(peers.run, *argv) == str(index)
    ledger = await load_ledger(level.fleet.context.store(), f"prod@{level.proxy.host}/acme")
    assert ledger.newest and ledger.newest.complete and ledger.newest.act.author == "me@here"
    assert {change.name for change in ledger.newest.changes} == {f"app:{tag}" for tag in TAGS}

    named_by_vex = level.fleet.context.subject("app", index).repositories
    assert {str(here), f"{level.proxy.host}/acme/{here.path}"} <= named_by_vex

    again = await level.run()
    assert not again.changed and not any(one.moves for one in again.secondaries)
    assert len(level.asked()) == len(level.asked("HEAD")) == 1 + len(TAGS), "one request for each tag"


async def test_one_that_is_down_is_behind_until_a_later_run(level: Level) -> None:
    level.down()
    done = await level.run()
    assert done.exit_code == Exit.REGISTRY and [image.fault for image in done.images] == [None]
    assert [bool(one.fault) for one in done.secondaries] == [True, True, False], "nothing to write of live"
    assert all(await level.tags(*TAGS, there=False)) and await level.tags(*TAGS) == [None] * 3
    level.up()
    later = await level.run()  # has nothing else to do
    assert later.exit_code == Exit.OK and later.images[0].moves == ()
    assert await level.is_level(*TAGS) and await level.is_level(COMMIT, environment="dev")
    async with Registry() as registry:
        (index,) = {digest for digest in await level.tags(*TAGS) if digest}
        assert (await examine(registry, level.repository(), index, PublicKey(PUBLIC, "test"))).signed


async def test_a_run_that_promotes_nowhere_brings_what_a_promotion_missed(level: Level) -> None:
    await level.run(Stage.SIGN)
    level.down()
    (behind,) = await level.promote()
    assert behind.fault and behind.fault.exit_code == Exit.REGISTRY and behind.moves == ()
    assert all(await level.tags(*TAGS, there=False)) and await level.tags(*TAGS) == [None] * 3
    level.up()
    done = await level.fleet.run(Stage.PROMOTE, 0)
    assert not done.images[0].moves and await level.is_level(*TAGS)


async def test_promotions_plan_both_and_move_no_tag_before_all_is_there(level: Level) -> None:
    await level.run(Stage.SIGN)
    (planned,) = await level.promote(only_plan=True)
    assert sorted(m.reference.tag or "" for m in planned.moves) == sorted(TAGS)
    assert await level.tags(*TAGS) == await level.tags(*TAGS, there=False) == [None] * 3
    (done,) = await level.promote()
    assert done.moves == planned.moves and await level.is_level(*TAGS)
    writes = [(r.host, r.target.rpartition("/")[2]) for r in level.fleet.requests if r.method == "PUT"]
    first = min(number for number, (_, name) in enumerate(writes) if name in TAGS)
    index = str((await level.tags("1"))[0])
    copies = [number for number, (_, name) in enumerate(writes) if name == index]
    assert len(copies) == 2 and max(copies) < first, "the image is in both registries before a tag moves"
    (again,) = await level.promote()
    assert again.moves == () and len(level.asked()) == len(TAGS)


async def test_releases_and_rollbacks_go_to_both(level: Level) -> None:
    stable = ("v1.0.0", "v1.0", "v1", "latest")

    async def release(version: str) -> tuple[SecondaryResult, ...]:
        async with Registry() as registry:
            context = replace(level.fleet.context, registry=registry)
            names = ReleaseNames.of(context.plan, version)
            prod = context.plan.project.environment("prod")
            releases = Releases(context, names, [prod], signed=True)
            await releases.perform()
            return releases.secondaries

    await level.run(Stage.SIGN)
    (first,) = await release("v1.0.0")
    assert len(first.moves) == 4 and await level.is_level(*stable)
    await rebuild(level.fleet, "again")
    revision = replace(level.fleet.context.revision, sha="b" * 40)
    level.fleet.context = replace(level.fleet.context, revision=revision)
    await level.run(Stage.SIGN)
    level.down()
    (second,) = await release("v1.1.0")
    assert second.fault and not await level.is_level("latest")
    level.up()
    (again,) = await release("v1.1.0")  # nothing is left to do in prod
    assert len(again.moves) == 4 and await level.is_level("v1.1.0", "latest", *stable)
    context = level.fleet.context
    prod = context.plan.project.environment("prod")
    rollbacks = Rollbacks(context, RollbackRequest(prod, reason="breaks logins"))
    await rollbacks.perform()
    assert len(rollbacks.secondaries[0].moves) == 2, "v1 and latest"
    assert await level.is_level("v1", "latest") and await level.tags("latest") == await level.tags("v1.0.0")
    assert (await level.fleet.run(Stage.PROMOTE, 0)).exit_code == Exit.OK
    assert await level.tags("latest") == await level.tags("v1.0.0"), "the rollback's pin holds there, too"


async def whole(level: Level) -> None:
    """Every tag at the secondary registry names an image that is there, with all its content and its signature."""
    repository, key = level.repository(), PublicKey(PUBLIC, "test")
    async with Registry() as registry:
        for tag in TAGS:
            manifest = await registry.get_manifest(repository.tagged(tag))
            for child in manifest.children if manifest else ():
                image = await registry.get_manifest(repository.at(child.digest))
                assert image and image.config
                assert all(
                    [await registry.has_blob(repository, b.digest) for b in (image.config, *image.layers)]
                )
            assert manifest is None or (await examine(registry, repository, manifest.digest, key)).signed


async def test_a_run_that_is_killed_leaves_no_drift_and_the_next_one_is_level(level: Level) -> None:
    """Runs end at one of their last writes in turn, those at the secondary registry: nothing after it is sent."""
    await level.run()
    await rebuild(level.fleet, "counted")
    await level.run()
    writes = [r.host == level.proxy.host for r in level.fleet.requests if not r.reads]
    first, last, killed = writes.index(True) + 1, len(writes), 0
    for number in range(first, last, (last - first) // 4):
        await rebuild(level.fleet, f"killed {number}")
        try:
            async with Registry() as registry:
                cut_at_write(registry, number)
                context = replace(level.fleet.context, registry=registry)
                await run(context, Stage.PROMOTE, context.plan.project.environments[1:2])
        except (Cut, BaseExceptionGroup):
            killed += 1
        await whole(level)
        done = await level.run()
        assert done.exit_code == Exit.OK, [one.fault for one in done.secondaries]
        assert await level.is_level(*TAGS) and await level.is_level(COMMIT, environment="dev")
    assert killed > 3


async def test_retention_takes_the_same_from_both(level: Level) -> None:
    await level.run()
    keep = RetentionRule(("*",), forever=True)
    rules = Retention({"prod": EnvironmentRetention((RetentionRule((TAGS[0],), days=7), keep))})
    project = replace(level.fleet.context.plan.project, retention=rules)
    level.fleet.context = replace(
        level.fleet.context, plan=replace(level.fleet.context.plan, project=project)
    )
    async with Registry() as registry:
        context = replace(level.fleet.context, registry=registry)
        scope = await scope_of(context, RetentionRequest(author="me@here"), NOW)
        assert scope.ledgers == ("prod", f"prod@{level.proxy.host}/acme")
        (secondary,) = project.secondaries
        without = replace(context.plan.project, secondaries=(replace(secondary, retention=False),))
        other = replace(context, plan=replace(context.plan, project=without))
        assert (await scope_of(other, RetentionRequest(), NOW)).ledgers == ("prod",)
        outcomes = await perform_retention(scope, *await plan_retention(scope, fresh=True))
    assert [[a.tag for a in o.deleted] for o in outcomes] == [[TAGS[0]], [TAGS[0]]]
    assert not [o for o in outcomes if o.fault or o.broken]
    assert await level.tags(TAGS[0]) == await level.tags(TAGS[0], there=False) == [None]
    assert await level.is_level(*TAGS[1:])
    history = await read_history(level.fleet.context, project.environment("prod"), check=True)
    assert not history.problems, "neither is drift, nor behind"
