"""What is attested of builds and verdicts, on a real registry: once, again when somebody deletes it, and never lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import GateClosed
from pipeline.model import Descriptor, Repository, Severity
from pipeline.policy import Finding
from pipeline.provenance import INDEX_TYPE
from pipeline.registry import Registry
from pipeline.release.promote import Promotions
from pipeline.run import RunResult, Stage, Status
from pipeline.state.records import Records
from pipeline.trust import (
    CYCLONEDX,
    PROVENANCE,
    SIGNATURE,
    SPDX,
    SUMMARY,
    TEST_RESULT,
    VULNERABILITIES,
    PublicKey,
    Statement,
    Verification,
    examine,
)
from tests.stages.fleet import PUBLIC, Fleet, make_fleet, plan, provide, push_image

pytestmark = [pytest.mark.real, pytest.mark.anyio]

KEY = PublicKey(PUBLIC, "test")
EVIDENCE = sorted([CYCLONEDX, SPDX, VULNERABILITIES, PROVENANCE, TEST_RESULT, SUMMARY, SIGNATURE])
OF_INDEX = sorted([CYCLONEDX, SPDX, VULNERABILITIES, PROVENANCE, SUMMARY, SIGNATURE])


@pytest.fixture
async def fleet(olareg: str, registry: Registry, tmp_path: Path) -> Fleet:
    """Two platforms of one image tag, as this version builds them: with provenance and results of tests."""
    made = await make_fleet(registry, plan(olareg), tmp_path)
    await provide(made)
    return made


async def published(
    fleet: Fleet, registry: Registry, result: RunResult
) -> list[tuple[Descriptor, Repository]]:
    """The index of the one image tag and its platforms, and where they are."""
    (image,) = result.images
    assert image.index and image.pushed, image
    repository = image.pushed.repository
    manifest = await registry.get_manifest(repository.at(image.index))
    head = await registry.head(repository.at(image.index))
    assert manifest and head
    return [(descriptor, repository) for descriptor in (head, *manifest.children)]


async def seen(registry: Registry, places: Sequence[tuple[Descriptor, Repository]]) -> list[Verification]:
    return [await examine(registry, repository, one.digest, KEY) for one, repository in places]


def kinds(verification: Verification) -> list[str]:
    return sorted(statement.predicate_type for statement in verification.statements)


def of_kind(verification: Verification, kind: str) -> list[Statement]:
    return [statement for statement in verification.statements if statement.predicate_type == kind]


def writes(fleet: Fleet) -> int:
    """The manifests that the last run wrote by digest."""
    return sum(r.method == "PUT" and "/manifests/sha256:" in r.target for r in fleet.requests)


async def test_everything_is_attested_once_on_index_and_platforms(registry: Registry, fleet: Fleet) -> None:
    places = await published(fleet, registry, await fleet.run(Stage.SIGN))
    index, *platforms = await seen(registry, places)
    assert kinds(index) == OF_INDEX
    assert [kinds(platform) for platform in platforms] == [EVIDENCE, EVIDENCE]
    (made,) = of_kind(index, PROVENANCE)
    assert made.predicate["buildDefinition"]["buildType"] == INDEX_TYPE
    assert {claims.provenance for one in (index, *platforms) for claims in one.claims} == {"attested"}
    (verdict,) = of_kind(platforms[0], SUMMARY)
    named = {entry["digest"]["sha256"] for entry in verdict.predicate["inputAttestations"]}
    evidence = [CYCLONEDX, SPDX, VULNERABILITIES, PROVENANCE, TEST_RESULT]
    pairs = zip(platforms[0].statements, platforms[0].sources, strict=True)
    assert named == {source.hex for about, source in pairs if about.predicate_type in evidence}

    fleet.context = replace(fleet.context, today=date(2026, 11, 27))  # no run state: everything is compared
    await fleet.run(Stage.SIGN)
    assert writes(fleet) == 0
    assert await seen(registry, places) == [index, *platforms]


@pytest.mark.parametrize("place", [0, 1], ids=["index", "platform"])
async def test_deleted_provenance_stops_a_promotion_until_it_is_attached_again(
    registry: Registry, fleet: Fleet, place: int
) -> None:
    places = await published(fleet, registry, await fleet.run(Stage.SIGN))
    subject, repository = places[place]
    before = await examine(registry, repository, subject.digest, KEY)
    pairs = zip(before.statements, before.sources, strict=True)
    (source,) = [source for about, source in pairs if about.predicate_type == PROVENANCE]
    await registry.delete_referrer(repository, source, subject.digest)

    async def promote() -> None:
        async with Registry() as fresh:
            context = replace(fleet.context, registry=fresh)
            dev, prod = context.plan.project.environments[:2]
            await Promotions(context, dev, [prod]).perform()

    with pytest.raises(GateClosed, match="has no signed provenance") as refused:
        await promote()
    assert refused.value.hint == "lockage sign attaches it again; then promote again"
    await fleet.run(Stage.SIGN)
    (again,) = of_kind(await examine(registry, repository, subject.digest, KEY), PROVENANCE)
    (old,) = of_kind(before, PROVENANCE)
    assert again.predicate == old.predicate or place == 0
    await promote()
    production = fleet.context.repository(fleet.context.plan.project.environments[1], "app")
    assert (await examine(registry, production, subject.digest, KEY)).has(PROVENANCE)


async def test_what_was_signed_without_provenance_is_promoted_and_signed_again_with_it(
    olareg: str, registry: Registry, tmp_path: Path
) -> None:
    fleet = await make_fleet(registry, plan(olareg), tmp_path)
    places = await published(fleet, registry, await fleet.run(Stage.SIGN))
    index, *platforms = await seen(registry, places)
    assert not any(one.has(PROVENANCE) or one.has(SUMMARY) for one in (index, *platforms))
    assert len((await fleet.run(Stage.PROMOTE)).images[0].promoted) > 0
    await provide(fleet)
    fleet.context = replace(fleet.context, today=date(2026, 11, 27))
    await fleet.run(Stage.SIGN)
    index, *platforms = await seen(registry, places)
    assert all(one.has(PROVENANCE) and one.has(SUMMARY) for one in (index, *platforms))
    assert [sorted(c.provenance for c in one.claims) for one in (index, *platforms)] == [["", "attested"]] * 3


async def test_a_gate_that_closes_later_leaves_a_verdict(registry: Registry, fleet: Fleet) -> None:
    """On the platform whose gate it is, and on the index; what passed before stays, as of its time."""
    places = await published(fleet, registry, await fleet.run(Stage.SIGN))
    context, target = fleet.context, fleet.context.plan.targets[0]
    project = replace(
        context.plan.project, vulnerability_db=replace(context.plan.project.vulnerability_db, tag="2")
    )
    database = await push_image(context.registry, project.vulnerability_db.repository, "newer", tag="2")
    records = Records(context.store(), context.plan.targets)
    for each in context.plan.targets:
        record = await records.find(each.key or "")
        assert record and record.evidence.scan
        found = (Finding("CVE-1", "curl", "1", "2", Severity.CRITICAL),) if each is target else ()
        tool = replace(record.evidence.scan.tool, data_digest=str(database))
        scan = replace(record.evidence.scan, tool=tool, findings=found)
        await records.write(
            replace(record, evidence=replace(record.evidence, scan=scan)), {"trivy-json": b"{}"}
        )
    fleet.context = replace(context, plan=replace(context.plan, project=project), today=date(2026, 11, 27))
    result = await fleet.run(Stage.SIGN)
    assert Status.CLOSED in {one.status for one in result.targets}, result.targets
    index, *platforms = await seen(registry, places)

    def results(verification: Verification) -> list[Any]:
        return sorted(s.predicate["verificationResult"] for s in of_kind(verification, SUMMARY))

    by_platform = dict(zip([place[0].platform for place in places[1:]], platforms, strict=True))
    assert results(index) == ["FAILED", "PASSED"]
    assert results(by_platform.pop(target.platform)) == ["FAILED", "PASSED"]
    assert [results(other) for other in by_platform.values()] == [["PASSED", "PASSED"]]
