"""Published images judged again without their records: the licenses in their attested bills of materials."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import GateClosed
from pipeline.policy import Tool
from pipeline.policy.reports import cyclonedx_inventory
from pipeline.registry import Registry
from pipeline.release.promote import Promotions
from pipeline.release.rescan import rescan
from pipeline.release.rollback import RollbackRequest, Rollbacks
from pipeline.state.records import Records
from pipeline.trust import CYCLONEDX, Statement, attach
from pipeline.util.json.canonical import compact
from tests.stages.fleet import Fleet, make_fleet, plan
from tests.state.test_attested_vex import CDX, by_policy, index_of, repository
from tests.tools.signing.bundles import signed

from .promotions import promoted, rebuild

pytestmark = [pytest.mark.real, pytest.mark.anyio]

DENY = 'licenses: {deny: ["AGPL-*"]}'


def bill(licenses: str) -> dict[str, Any]:
    """A document with one package."""
    component = {"type": "library", "name": "strict", "version": "1", "purl": "pkg:pypi/strict@1"}
    return {"bomFormat": "CycloneDX", "components": [component | {"licenses": [{"expression": licenses}]}]}


async def with_bill(fleet: Fleet, document: dict[str, Any]) -> None:
    """Records with a bill of materials, as a run leaves them."""
    records = Records(fleet.context.store(), fleet.context.plan.targets)
    for target in fleet.context.plan.targets:
        record = await records.find(target.key or "")
        assert record and record.evidence.inventory
        raw = {"cyclonedx-json": compact({**document, "of": target.id})}
        found = cyclonedx_inventory(raw, Tool("syft", fleet.context.tools.version("syft")))
        inventory = replace(found, serial=record.evidence.inventory.serial)
        evidence = replace(record.evidence, inventory=inventory)
        await records.write(replace(record, evidence=evidence), raw)


@pytest.fixture
async def fleet(olareg: str, registry: Registry, tmp_path: Path) -> Fleet:
    """Two promotions of one image, the first under a license that is denied later."""
    made = await make_fleet(registry, plan(olareg), tmp_path)
    await with_bill(made, bill("AGPL-3.0-only"))
    assert not (await promoted(made)).fault
    return made


async def licenses_in_prod(fleet: Fleet) -> list[tuple[str, tuple[str, ...]]]:
    """What a rescan says of the licenses of each platform."""
    prod = fleet.context.plan.project.environments[1]
    found = [v for one in await rescan(fleet.context, prod) for v in one.verdicts if v.gate == "licenses"]
    return [(str(verdict.state), verdict.reasons) for verdict in found]


async def promote(fleet: Fleet, to: int = 2) -> None:
    """Promote from the environment before, by the signed findings."""
    environments = fleet.context.plan.project.environments
    async with Registry() as registry:
        context = replace(fleet.context, registry=registry)
        await Promotions(context, environments[to - 1], [environments[to]], signed=True).plan()


async def test_a_license_that_is_denied_today_is_found_in_what_is_published(fleet: Fleet) -> None:
    assert await licenses_in_prod(fleet) == [], "the policy says nothing of licenses"
    await promote(fleet)

    strict = by_policy(fleet, DENY)
    reason = "strict 1: AGPL-3.0-only is denied"
    assert await licenses_in_prod(strict) == [("closed", (reason,))] * 2
    with pytest.raises(GateClosed) as closed:
        await promote(strict)
    assert reason in (closed.value.detail or "")
    exception = "{package: strict, owner: legal, reason: not distributed, expires: 2999-12-31}"
    excepted = by_policy(fleet, f'licenses: {{deny: ["AGPL-*"], exceptions: [{exception}]}}')
    await promote(excepted)
    assert [state for state, _ in await licenses_in_prod(excepted)] == ["passed"] * 2


async def test_a_rollback_asks_for_licenses_too(fleet: Fleet) -> None:
    await rebuild(fleet, "second")
    assert not (await promoted(fleet)).fault
    strict = by_policy(fleet, DENY)
    request = RollbackRequest(strict.context.plan.project.environments[1], reason="breaks logins")
    with pytest.raises(GateClosed, match="reasons close gates") as closed:
        await Rollbacks(strict.context, request).perform(only_plan=True)
    assert "strict 1: AGPL-3.0-only is denied" in (closed.value.detail or "")


async def test_what_lists_no_packages_is_not_examined(fleet: Fleet, registry: Registry) -> None:
    """VEX has the predicate type of bills of materials, and takes the place of none."""
    index = await index_of(fleet, registry)
    strict = by_policy(fleet, DENY)
    for child in index.children:
        for referrer in (await registry.list_referrers(repository(fleet, 1), child.digest)).entries:
            if referrer.annotations.get("dev.sigstore.bundle.predicateType") == CYCLONEDX:
                await registry.delete(repository(fleet, 1).at(referrer.digest))
        vex = Statement(child.digest, CYCLONEDX, CDX)
        await attach(registry, repository(fleet, 1), child, signed(vex.to_json()), created=0)
    async with Registry() as fresh:
        strict = Fleet(replace(strict.context, registry=fresh))
        found = await licenses_in_prod(strict)
    assert [state for state, _ in found] == ["not examined"] * 2
    async with Registry() as fresh:
        with pytest.raises(GateClosed, match="no signed bill of materials"):
            await promote(Fleet(replace(strict.context, registry=fresh)))
