"""A promotion scans again where newer data is there, or reads what was signed of newer data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.errors import RegistryError, UsageError
from pipeline.registry import Registry
from pipeline.release.promote import Promotions
from pipeline.trust import (
    VULNERABILITIES,
    Statement,
    attach,
)
from tests.stages.fleet import Fleet, recorded
from tests.stages.scanners.test_scanner_data import publish
from tests.tools.signing.bundles import signed

from .test_promotable import commit_tag, fleet, found, group, promote, refused, repository

__all__ = ["fleet"]


pytestmark = [pytest.mark.real, pytest.mark.anyio]


def _findings(result: object, *, date: object = "2026-11-27", data: object = "") -> dict[str, Any]:
    scanner = {"version": "1", "db": {"uri": f"oci:{data}", "version": date}, "result": result}
    return {"scanner": scanner, "metadata": {"scanFinishedOn": "2026-11-27"}}


async def planned(fleet: Fleet, *, signed: bool | None = None) -> tuple[list[str | None], int]:
    """What a promotion of one image tag would scan, platform by platform, and how many requests its data takes."""
    context, environments = fleet.context, fleet.context.plan.project.environments
    async with Registry() as registry:
        requests = recorded(registry)
        one = replace(context, plan=replace(context.plan, targets=group(fleet)), registry=registry)
        [promotion] = await Promotions(one, environments[0], [environments[1]], signed=signed).plan()
        assert promotion.promotion.moves
        path = context.plan.project.vulnerability_db.repository.path
        return [scan.source for _, scan in promotion.platforms], sum(path in r.target for r in requests)


def with_data(fleet: Fleet, tag: str) -> None:
    """Name other data in lockage.yml."""
    project = fleet.context.plan.project
    project = replace(project, vulnerability_db=replace(project.vulnerability_db, tag=tag))
    fleet.context = replace(fleet.context, plan=replace(fleet.context.plan, project=project))


async def test_only_newer_data_makes_a_promotion_scan(fleet: Fleet, registry: Registry) -> None:
    """The fleet's findings are of 26 November; its images name no package, so what it lists is never read."""
    database = fleet.context.plan.project.vulnerability_db.repository
    assert await planned(fleet) == ([None, None], 1), "one HEAD for all platforms"
    await publish(registry, database, "older", "2026-11-25T00:00:00Z")
    await publish(registry, database, "newer", "2026-11-27T00:00:00Z")
    with_data(fleet, "older")
    sources, _ = await planned(fleet)
    assert sources == [None, None]
    with_data(fleet, "newer")
    sources, _ = await planned(fleet)
    assert sources == ["sbom", "sbom"]
    assert await planned(fleet, signed=True) == ([None, None], 0)
    environments = tuple(replace(e, data="signed") for e in fleet.context.plan.project.environments)
    project = replace(fleet.context.plan.project, environments=environments)
    fleet.context = replace(fleet.context, plan=replace(fleet.context.plan, project=project))
    assert await planned(fleet) == ([None, None], 0)
    assert await planned(fleet, signed=False) == (["sbom", "sbom"], 1)


async def test_who_cannot_sign_scans_nothing(fleet: Fleet, registry: Registry) -> None:
    database = fleet.context.plan.project.vulnerability_db.repository
    await publish(registry, database, "newer", "2026-11-27T00:00:00Z")
    with_data(fleet, "newer")
    fleet.context = replace(fleet.context, signing=replace(fleet.context.signing, private=None))
    with pytest.raises(UsageError, match="no private key"):
        await promote(fleet)
    assert await registry.tags(repository(fleet, environment=1)) == []


async def test_newer_signed_findings_close_the_gate(fleet: Fleet, registry: Registry) -> None:
    index = await found(registry, commit_tag(fleet))
    critical = {"VulnerabilityID": "CVE-1", "PkgName": "p", "FixedVersion": "2", "Severity": "CRITICAL"}
    report = {"SchemaVersion": 2, "Results": [{"Vulnerabilities": [critical]}]}
    child = index.children[1]
    data = (await found(registry, fleet.context.plan.project.vulnerability_db)).digest
    statement = Statement(child.digest, VULNERABILITIES, _findings(report, data=data))
    await attach(registry, repository(fleet), child, signed(statement.to_json()), created=0)
    closed = await refused(fleet, registry, "its gate closes by today's policy")
    assert closed.detail and "CVE-1 CRITICAL" in closed.detail


@pytest.mark.parametrize(
    "predicate",
    [
        _findings({"SchemaVersion": 3}),
        _findings({"SchemaVersion": 2, "Results": 7}),
        _findings({"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{"VulnerabilityID": []}]}]}),
        _findings({"SchemaVersion": 10**300}),
        _findings([], date="2026-13-99T99:99:99Z"),
        _findings(None, date=["9"]),
    ],
)
async def test_newer_signed_findings_that_cannot_be_read_are_one_error(
    fleet: Fleet, registry: Registry, predicate: dict[str, Any]
) -> None:
    child = (await found(registry, commit_tag(fleet))).children[0]
    statement = Statement(child.digest, VULNERABILITIES, predicate)
    await attach(registry, repository(fleet), child, signed(statement.to_json()), created=0)
    with pytest.raises(RegistryError, match=r"the signed findings of .* cannot be read"):
        await promote(fleet)
