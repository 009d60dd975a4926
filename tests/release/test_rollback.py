"""Rollbacks on real registries: to the state before, to an entry or a digest, and forward again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import GateClosed, RegistryError, UsageError
from pipeline.model import Digest
from pipeline.registry import Registry
from pipeline.release.history import read_history
from pipeline.release.rollback import ImageRollback, RollbackRequest, Rollbacks
from pipeline.run.publish.environment_tags import TagsRefused
from pipeline.state.ledger import load_ledger
from pipeline.trust import SignatureRefused
from tests.stages.fleet import Fleet
from tests.tools.signing.bundles import new_pair

from .promotions import TAGS, point, promoted, promoted_thrice, rebuild, reference, tags, with_options

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.fixture
async def fleet(host: str, registry: Registry, tmp_path: Path) -> Fleet:
    return await promoted_thrice(host, registry, tmp_path)


async def states(fleet: Fleet) -> list[Digest]:
    """What each promotion made of the tags, the first first."""
    found = await read_history(fleet.context, fleet.context.plan.project.environments[1])
    return [entry.changes[0].after for entry in reversed(found.entries) if entry.act.command == "run"]


async def rollback(fleet: Fleet, *, only_plan: bool = False, **request: Any) -> ImageRollback:
    environment = fleet.context.plan.project.environments[1]
    wanted = RollbackRequest(environment, reason="breaks logins", **request)
    (one,) = await Rollbacks(fleet.context, wanted).perform(only_plan=only_plan)
    return one


async def at(fleet: Fleet, digest: Digest) -> bool:
    """Whether every tag of the image names a digest."""
    return await tags(fleet, *TAGS) == [digest] * len(TAGS)


async def test_back_twice_and_forward_again(fleet: Fleet) -> None:
    first, second, third = await states(fleet)
    done = await rollback(fleet)
    assert (done.entry, len(done.moves), done.pinned) == (2, len(TAGS), True)
    assert await at(fleet, second)
    assert (await rollback(fleet)).entry == 1 and await at(fleet, first)
    with pytest.raises(UsageError, match="no state before"):
        await rollback(fleet)
    assert (await rollback(fleet, to="3")).pinned is False
    assert await at(fleet, third)
    ledger = await load_ledger(fleet.context.store(), "prod")
    assert not ledger.pins, "forward to what was promoted last: nothing is pinned"
    found = await read_history(fleet.context, fleet.context.plan.project.environments[1], check=True)
    assert not found.problems
    assert [(e.act.command, e.act.reason) for e in found.entries[:3]] == [("rollback", "breaks logins")] * 3
    assert found.entries[0].act.author == "me@here"


async def test_a_digest_names_the_state(fleet: Fleet) -> None:
    first, *_ = await states(fleet)
    await rollback(fleet, to=str(first))
    assert await at(fleet, first)


async def test_a_plan_writes_nothing(fleet: Fleet) -> None:
    *_, third = await states(fleet)
    assert len((await rollback(fleet, only_plan=True)).moves) == len(TAGS)
    assert await at(fleet, third)
    assert len(await states(fleet)) == 3


async def test_the_next_run_respects_it_until_it_is_told_to_promote(fleet: Fleet) -> None:
    _, second, third = await states(fleet)
    await rollback(fleet)
    result = await promoted(fleet)
    assert not result.fault and await at(fleet, second)
    assert {kept.reason for kept in result.kept} == {"rolled back to entry 2: breaks logins"}
    await rebuild(fleet, "fourth")
    assert not (await promoted(fleet)).fault and await at(fleet, second)
    with_options(fleet, unpin=True)
    result = await promoted(fleet)
    assert result.index not in (second, third) and result.index and await at(fleet, result.index)
    assert not (await load_ledger(fleet.context.store(), "prod")).pins


async def test_drift_is_not_overwritten_unless_forced(fleet: Fleet) -> None:
    first, second, third = await states(fleet)
    await point(fleet, "1", first)
    with pytest.raises(TagsRefused, match="not ours"):
        await rollback(fleet)
    assert await tags(fleet, *TAGS) == [third, first, third]
    with_options(fleet, force=True)
    await rollback(fleet)
    assert await at(fleet, second)


async def test_what_is_not_signed_or_gone_is_not_gone_back_to(fleet: Fleet) -> None:
    _, second, third = await states(fleet)
    context, pair = fleet.context, new_pair()
    signers = context.store().signers
    assert signers.trusted
    stranger = replace(context, signing=pair, trusted=tuple(signers.trusted))
    with pytest.raises(SignatureRefused, match="is not signed by"):
        await rollback(Fleet(stranger))
    repository = reference(fleet, "1").repository
    await context.registry.delete(repository.at(second))
    with pytest.raises(RegistryError, match="is gone"):
        await rollback(Fleet(replace(context)))
    assert await at(fleet, third)


async def test_a_gate_that_closes_today_needs_a_reason(fleet: Fleet) -> None:
    _, second, third = await states(fleet)
    targets = tuple(
        replace(t, gates=replace(t.gates, vulnerabilities=replace(t.gates.vulnerabilities, max_age=1)))
        for t in fleet.context.plan.targets
    )
    later = fleet.context.today.replace(year=2027)
    fleet.context = replace(fleet.context, plan=replace(fleet.context.plan, targets=targets), today=later)
    with pytest.raises(GateClosed) as closed:
        await rollback(fleet)
    assert "--accept" in (closed.value.hint or "") and await at(fleet, third)
    await rollback(fleet, accept="logins matter more")
    assert await at(fleet, second)
    entries = (await read_history(fleet.context, fleet.context.plan.project.environments[1])).entries
    assert entries[0].act.reason == "breaks logins; accepted: logins matter more"
