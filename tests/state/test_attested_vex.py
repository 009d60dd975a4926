"""VEX that is attested on a published image: on a platform and on its index, honoured by everything that judges."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.reports.policy_trial import try_on_records
from pipeline.config.policy_file import read_policy
from pipeline.errors import GateClosed
from pipeline.model import Descriptor, Manifest, Repository, Severity
from pipeline.model.vex.openvex import CONTEXT
from pipeline.plan.other_policy import with_policy
from pipeline.policy import Effect, Finding, Verdict
from pipeline.registry import Registry
from pipeline.release.promote import Promotions
from pipeline.release.rescan import rescan
from pipeline.reporting.collect import Collector
from pipeline.run import RunResult, Stage, Status
from pipeline.run.publish.fan_in import manifest
from pipeline.state.records import Records
from pipeline.trust import CYCLONEDX, Statement, attach
from tests.stages.fleet import Fleet, make_fleet, plan, recorded
from tests.tools.signing.bundles import KEY, OTHER_KEY, signed

pytestmark = [pytest.mark.real, pytest.mark.anyio]

CURL = Finding("CVE-2099-1", "curl", "7.88", "7.89", Severity.HIGH, purls=("pkg:deb/debian/curl@7.88",))
LENIENT = "vulnerabilities: {fail_on: [CRITICAL]}"
STRICT = "vulnerabilities: {fail_on: [HIGH]}"


def openvex(status: str = "not_affected", **statement: Any) -> dict[str, Any]:
    """A document about the image that it is attested on."""
    return {
        "@context": CONTEXT,
        "@id": f"https://example.org/{status}",
        "author": "team",
        "timestamp": "2026-11-01T00:00:00Z",
        "version": 1,
        "statements": [
            {
                "vulnerability": {"name": CURL.id},
                "status": status,
                "justification": "vulnerable_code_not_present",
                **statement,
            }
        ],
    }


CDX = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "vulnerabilities": [
        {
            "id": CURL.id,
            "analysis": {"state": "not_affected", "justification": "code_not_reachable"},
            "affects": [{"ref": "pkg:deb/debian/curl"}],
        }
    ],
}


def by_policy(fleet: Fleet, text: str) -> Fleet:
    """The fleet under another policy."""
    policy = read_policy(f"policy: {{{text}}}".encode(), "policy.yml")
    return Fleet(replace(fleet.context, plan=with_policy(fleet.context.plan, policy)))


@pytest.fixture
async def published(olareg: str, registry: Registry, tmp_path: Path) -> Fleet:
    """Two platforms with a HIGH finding, published and promoted when the policy still let it pass; now it closes."""
    fleet = await make_fleet(registry, plan(olareg), tmp_path)
    records = Records(fleet.context.store(), fleet.context.plan.targets)
    purl = {"PURL": CURL.purls[0]}
    found = {"VulnerabilityID": CURL.id, "PkgName": "curl", "Severity": "HIGH", "PkgIdentifier": purl}
    found |= {"InstalledVersion": CURL.version, "FixedVersion": CURL.fixed}
    for target in fleet.context.plan.targets:
        record = await records.find(target.key or "")
        assert record and record.evidence.scan
        scan = replace(record.evidence.scan, findings=(CURL,))
        report = {"SchemaVersion": 2, "CreatedAt": "2026-11-26", "of": target.id}
        report["Results"] = [{"Vulnerabilities": [found]}]
        documents = {"trivy-json": json.dumps(report).encode()}
        await records.write(replace(record, evidence=replace(record.evidence, scan=scan)), documents)
    result = await by_policy(fleet, LENIENT).run(Stage.PROMOTE)
    assert not result.faults and result.images[0].promoted, result
    return by_policy(fleet, STRICT)


def repository(fleet: Fleet, environment: int = 0) -> Repository:
    """The image's repository in an environment."""
    return fleet.context.repository(fleet.context.plan.project.environments[environment], "app")


async def index_of(fleet: Fleet, registry: Registry) -> Manifest:
    """What the commit's tag names."""
    tag = fleet.context.commit_tags(fleet.context.plan.targets[0])[0]
    index = await registry.get_manifest(repository(fleet).tagged(tag))
    assert index and len(index.children) == 2
    return index


async def attest(
    registry: Registry, repo: Repository, subject: Descriptor, document: Any, kind: str, key: Any = KEY
) -> None:
    """As `cosign attest` does."""
    statement = Statement(subject.digest, kind, document)
    await attach(registry, repo, subject, signed(statement.to_json(), key), created=0)


async def run_states(fleet: Fleet) -> list[Status]:
    """A run up to the scan: how each platform ends. The whole chain says the same of the image tag."""
    result: RunResult = await fleet.run(Stage.SCAN)
    return [target.status for target in result.targets]


async def rescanned(fleet: Fleet) -> list[Verdict]:
    """The vulnerability verdict of each platform that prod holds."""
    prod = fleet.context.plan.project.environments[1]
    return [
        v for one in await rescan(fleet.context, prod) for v in one.verdicts if v.gate == "vulnerabilities"
    ]


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (openvex(), CONTEXT),
        (openvex(), "https://openvex.dev/ns"),
        (openvex(products=[{"@id": "pkg:deb/debian/curl"}]), CONTEXT),
        (CDX, CYCLONEDX),
    ],
)
async def test_on_the_index_it_covers_all_platforms_of_a_run(
    published: Fleet, registry: Registry, document: Any, kind: str
) -> None:
    index = await index_of(published, registry)
    assert await run_states(published) == [Status.CLOSED] * 2
    await attest(registry, repository(published), index.descriptor, document, kind, OTHER_KEY)
    assert await run_states(published) == [Status.CLOSED] * 2, "a stranger's word counts for nothing"
    await attest(registry, repository(published), index.descriptor, document, kind)
    assert await run_states(published) == [Status.REUSED] * 2

    first = published.context.plan.targets[:1]
    alone = replace(published.context.plan, targets=first)
    whole = dict(published.context.plan.groups())
    part = Fleet(replace(published.context, plan=alone, whole=whole))
    assert await run_states(part) == [Status.REUSED], "a run of one platform knows the index too"


async def test_on_a_platform_it_covers_that_one(published: Fleet, registry: Registry) -> None:
    index = await index_of(published, registry)
    await attest(registry, repository(published), index.children[0], openvex(), CONTEXT)
    assert sorted(await run_states(published)) == sorted([Status.REUSED, Status.CLOSED])
    affected = openvex("affected", action_statement="patch it")
    await attest(registry, repository(published), index.descriptor, affected, CONTEXT)
    assert await run_states(published) == [Status.CLOSED] * 2, "the worse counts, wherever it is"


async def test_products_may_name_the_index(published: Fleet, registry: Registry) -> None:
    index = await index_of(published, registry)
    other = openvex(products=[{"@id": f"pkg:oci/app@sha256%3A{'0' * 64}"}])
    await attest(registry, repository(published), index.descriptor, other, CONTEXT)
    assert await run_states(published) == [Status.CLOSED] * 2
    named = openvex(products=[{"@id": f"pkg:oci/app@sha256%3A{index.digest.hex}"}])
    await attest(registry, repository(published), index.descriptor, named, CONTEXT)
    assert await run_states(published) == [Status.REUSED] * 2


async def _promote(fleet: Fleet) -> None:
    environments = fleet.context.plan.project.environments
    async with Registry() as registry:
        context = replace(fleet.context, registry=registry)
        await Promotions(context, environments[0], [environments[2]], signed=True).plan()


async def _merge(fleet: Fleet) -> None:
    async with Registry() as registry:
        await manifest(replace(fleet.context, registry=registry))


@pytest.mark.parametrize("command", [_promote, _merge])
async def test_a_promotion_and_a_merge_read_it_on_the_index(
    published: Fleet, registry: Registry, command: Callable[[Fleet], Awaitable[None]]
) -> None:
    index = await index_of(published, registry)
    with pytest.raises(GateClosed) as closed:
        await command(published)
    assert CURL.id in (closed.value.detail or "")
    await attest(registry, repository(published), index.descriptor, openvex(), CONTEXT)
    await command(published)


async def test_rescans_reports_and_trials_read_it_on_the_index(published: Fleet, registry: Registry) -> None:
    context, index = published.context, await index_of(published, registry)
    policy = read_policy(b"policy: {vulnerabilities: {fail_on: [HIGH, LOW]}}", "policy.yml")
    assert [v.passed for v in await rescanned(published)] == [False, False]
    assert not any(tried.passes for tried in await try_on_records(context, policy))

    for environment in (0, 1):
        await attest(registry, repository(published, environment), index.descriptor, openvex(), CONTEXT)
    verdicts = await rescanned(published)
    assert [v.passed for v in verdicts] == [True, True]
    assert f"ignored by VEX of {repository(published, 1).at(index.digest)}" in verdicts[0].notes[0]
    assert all(tried.passes for tried in await try_on_records(context, policy))
    collected = await Collector.of(context, str, whole=True).of_records("findings")
    effects = {f.effect for target in collected.report.targets for f in target.findings}
    assert effects == {Effect.VEX}
    result = await published.run(Stage.SCAN)
    collected = await Collector.of(context, str, whole=False).of_run("scan", result)
    assert {f.effect for target in collected.report.targets for f in target.findings} == {Effect.VEX}


async def test_nothing_is_requested_where_no_finding_closes(published: Fleet) -> None:
    async with Registry() as registry:
        requests = recorded(registry)
        lenient = by_policy(published, LENIENT)
        tried = read_policy(f"policy: {{{LENIENT}}}".encode(), "policy.yml")
        assert all(
            one.passes for one in await try_on_records(replace(lenient.context, registry=registry), tried)
        )
        assert not any("/referrers/" in request.target for request in requests)
