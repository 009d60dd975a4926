"""Retention in an environment with a ledger, in the repository of builds, and where registries delete otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import RegistryError
from pipeline.model import Digest
from pipeline.model.retention import BuildsRetention, EnvironmentRetention, Retention, RetentionRule
from pipeline.policy.retention import DAY
from pipeline.registry import Registry
from pipeline.release.history import read_history
from pipeline.release.retention.context import scope_of
from pipeline.release.retention.perform import BUILDS, Outcome, perform_retention
from pipeline.release.retention.planning import plan_retention
from pipeline.release.retention.scope import RetentionRequest
from pipeline.run import Stage
from pipeline.state.ledger import load_ledger
from pipeline.state.records import Records
from tests.registry import servers
from tests.release.promotions import TAGS, promoted, rebuild, tags, with_options
from tests.release.test_rollback import rollback
from tests.stages.fleet import Fleet, make_fleet, plan

from .repository import NOW, Yard

pytestmark = [pytest.mark.real, pytest.mark.anyio]
FOREVER = EnvironmentRetention((RetentionRule(("*",), forever=True),), untagged=1)


@pytest.fixture
async def fleet(olareg: str, registry: Registry, tmp_path: Path) -> Fleet:
    made = await make_fleet(registry, plan(olareg), tmp_path)
    with_options(made, author="me@here")
    return made


async def apply(fleet: Fleet, retention: Retention, days: int) -> list[Outcome]:
    """A run so many days from now, as another process makes it."""
    project = replace(fleet.context.plan.project, retention=retention)
    async with Registry() as registry:
        context = replace(fleet.context, plan=replace(fleet.context.plan, project=project), registry=registry)
        scope = await scope_of(context, RetentionRequest(author="me@here"), NOW + days * DAY)
        outcomes = await perform_retention(scope, *await plan_retention(scope, fresh=True))
    assert not [o.fault for o in outcomes if o.fault] and not [o for o in outcomes if o.broken]
    return outcomes


def deleted(outcomes: list[Outcome]) -> set[Digest]:
    return {action.digest for outcome in outcomes for action in outcome.deleted if not action.tag}


async def test_what_a_rollback_may_go_back_to_stays(fleet: Fleet) -> None:
    """Three promotions, each seen by retention; the ledger's window covers the last of them alone."""
    prod = fleet.context.plan.project.environments[1]
    rules = Retention({"prod": FOREVER}, rollback=1)
    digests, gone = [], set[Digest]()
    for seed in ("", "second", "third"):
        if seed:
            await rebuild(fleet, seed)
        assert not (await promoted(fleet)).fault
        digests += (await tags(fleet, TAGS[0]))[:1]
        gone |= deleted(await apply(fleet, rules, len(digests)))
    first, second, third = digests
    gone |= deleted(await apply(fleet, rules, 30))
    assert first in gone and not {second, third} & gone
    found = await read_history(fleet.context, prod, check=True)
    assert not found.problems and found.entries[0].act.command == "retention"
    assert await tags(fleet, *TAGS) == [third] * len(TAGS)
    done = await rollback(fleet)
    assert (done.entry, await tags(fleet, *TAGS)) == (2, [second] * len(TAGS)), (
        "retention made no state of its own"
    )
    assert not deleted(await apply(fleet, rules, 60)), "the rollback's entry names both"


async def test_an_expired_tag_of_an_environment_is_no_drift(fleet: Fleet) -> None:
    prod = fleet.context.plan.project.environments[1]
    assert not (await promoted(fleet)).fault
    rules = EnvironmentRetention((RetentionRule((TAGS[0],), days=7), RetentionRule(("*",), forever=True)))
    outcomes = await apply(fleet, Retention({"prod": rules}), 0)  # the ledger has dates: weeks ago
    assert [a.tag for o in outcomes for a in o.deleted] == [TAGS[0]], "its digest has other tags"
    assert not (await read_history(fleet.context, prod, check=True)).problems
    await rebuild(fleet, "again")
    assert not (await promoted(fleet)).fault, "the tag may be written again"
    assert len(set(await tags(fleet, *TAGS))) == 1


async def test_keys_that_nobody_plans_leave_the_repository_of_builds(fleet: Fleet) -> None:
    await fleet.run(Stage.SIGN)
    context = fleet.context
    kept, dropped = context.plan.targets
    assert kept.key and dropped.key
    rules = Retention(builds=BuildsRetention(30))
    await apply(fleet, rules, 0)
    fleet.context = replace(context, plan=replace(context.plan, targets=(kept,)))
    assert not deleted(await apply(fleet, rules, 29)), "it was planned 29 days ago"
    outcomes = await apply(fleet, rules, 31)
    gone = {action.tag for outcome in outcomes for action in outcome.deleted if action.tag}
    assert gone and all(tag.startswith((dropped.key, "last-", "sha256-")) for tag in gone)
    names = await context.registry.tags(context.builds)
    assert not [name for name in names if name.startswith(dropped.key)]
    assert [name for name in names if name.startswith("retention-")]
    async with Registry() as registry:
        store = replace(context, registry=registry).store()
        assert await Records(store, [kept]).find(kept.key)
        entry = (await load_ledger(store, BUILDS)).newest
        assert entry and entry.complete and f"builds:{dropped.key}" in {c.name for c in entry.changes}
    assert not deleted(await apply(fleet, rules, 32))


async def test_a_registry_that_deletes_nothing_is_named_with_what_to_do(tmp_path: Path) -> None:
    with servers.distribution(tmp_path, extra="") as host:
        config = tmp_path / "config.yml"
        assert host and config
    config.write_text(config.read_text().replace("delete: {enabled: true}", "delete: {enabled: false}"))
    port = int(host.rpartition(":")[2])
    command = [str(servers.tool("registry")), "serve", str(config)]
    with servers.running(command, port, tmp_path / "log") as host:
        yard = Yard(host)
        old = await yard.push("old", "old-1", "old-2")
        await yard.push("kept", "keep-1")
        await yard.tag(old.index, "keep-2")
        other = await yard.push("other", "old-3")
        await yard.aged()
        outcome = await yard.apply()
        assert isinstance(outcome.fault, RegistryError) and "deletes no manifests" in outcome.fault.message
        assert "storage.delete.enabled" in (outcome.fault.hint or "")
        assert await yard.there(old.index, other.index) == [True, True]


async def test_a_registry_that_takes_the_manifest_with_a_tag_gets_it_back(olareg: str) -> None:
    """As some do: DELETE of a tag deletes what it names, and with it all other tags."""
    yard = Yard(olareg)
    both = await yard.push("both", "old-1", "keep-1")
    await yard.aged()
    async with Registry() as registry:
        delete = registry.delete

        async def whole(ref: object) -> bool:
            reference_ = ref
            if getattr(reference_, "tag", None) and "dev/app" in str(reference_):
                reference_ = yard.repository.at(both.index.digest)
            return await delete(reference_)  # type: ignore[arg-type]

        registry.delete = whole  # type: ignore[method-assign, assignment]
        outcome = await yard.apply(registry)
    assert outcome.fault and "was put back" in outcome.fault.message
    assert await yard.tags() == {"keep-1"} and await yard.there(both.index, *both.children) == [True] * 3
