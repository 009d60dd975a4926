"""What a run requests of a real registry: every digest once, nothing twice that did not change in between."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.model import Digest
from pipeline.plan import Plan
from pipeline.plan.changes import key_difference
from pipeline.plan.plan import Target
from pipeline.policy import Evidence
from pipeline.registry import Registry
from pipeline.release.promote import Promotions
from pipeline.run import Stage, Status
from pipeline.run.publish.promotion import PromotionOptions
from pipeline.run.target.build import Builder
from pipeline.run.target.examination.sbom_subject import serial_of
from pipeline.state import build_inputs
from pipeline.state.ledger import tag_in as ledger_tag
from pipeline.state.record import Record
from pipeline.state.records import Records
from pipeline.state.run_state import tag_in
from pipeline.trust import CYCLONEDX, SIGNATURE, SPDX, VULNERABILITIES, PublicKey, examine
from pipeline.util.json.canonical import compact
from tests.stages.fleet import PUBLIC, Fleet, make_fleet, plan, push_image, recorded

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.fixture
async def fleet(olareg: str, registry: Registry, tmp_path: Path) -> Fleet:
    return await make_fleet(registry, plan(olareg), tmp_path)


async def test_publishing_reads_every_digest_and_every_list_of_referrers_once(fleet: Fleet) -> None:
    result = await fleet.run(Stage.SIGN)
    (image,) = result.images
    assert image.status is Status.REUSED and image.signed, image
    assert fleet.repeated("GET", "POST") == _run_state_is_read_again(fleet)
    assert fleet.repeated("PUT") == {}
    heads = fleet.repeated("HEAD")
    commit_tag = f"HEAD /v2/{image.written[0].repository.path}/manifests/{image.written[0].tag}"
    assert heads == {commit_tag: 2}, "a tag is looked at again right before it is moved"
    listed = [r for r in fleet.requests if "/referrers/" in r.target]
    assert len(listed) == 3, "of the index and of each platform"


def space(fleet: Fleet) -> str:
    """What the tags end with that this fleet's key signs."""
    return fleet.context.store().signers.space(PublicKey(PUBLIC, "test"))


def _run_state_is_read_again(fleet: Fleet) -> dict[str, int]:
    """Before it is replaced: another run may have written it meanwhile."""
    builds, tag = fleet.context.builds, tag_in(space(fleet))
    return {f"GET /v2/{builds.path}/manifests/{tag}": 2}


async def test_a_promotion_lists_only_referrers_again_because_they_changed(fleet: Fleet) -> None:
    result = await fleet.run(Stage.PROMOTE)
    (image,) = result.images
    assert len(image.promoted) == len(fleet.context.plan.targets[0].tags), image
    again = {r: n for r, n in fleet.repeated("GET", "POST").items() if "/referrers/" not in r}
    assert again == _run_state_is_read_again(fleet)
    assert set(fleet.repeated("GET").values()) == {2}


async def test_a_promotion_by_name_reads_nothing_twice_that_nobody_changes(fleet: Fleet) -> None:
    """Tags are requested again right before they move; lists of referrers when they are copied, for others may attach
    more; the ledger before it is written."""
    await fleet.run(Stage.SIGN)
    assert len(await _promoted(fleet)) == 3
    _, prod, _ = fleet.context.plan.project.environments
    there, ledger = fleet.context.repository(prod, "app"), ledger_tag(space(fleet), prod.name)
    tags = {f"HEAD /v2/{there.path}/manifests/{tag}": 2 for tag in fleet.context.plan.targets[0].tags}
    assert fleet.repeated("HEAD") == tags
    read = {r: n for r, n in fleet.repeated("GET", "POST").items() if "/referrers/" not in r}
    assert read == {f"GET /v2/{fleet.context.builds.path}/manifests/{ledger}": 2}
    listed = [r for r in fleet.repeated("GET") if "/referrers/" in r]
    assert len(listed) == 3, "of the index and of each platform"
    assert not [r for r in fleet.requests if r.method == "GET" and r.target.startswith(f"/v2/{there.path}/")]
    assert len(fleet.requests) <= 104, "95 for one image, the rest for the ledger and the database"


async def test_a_finished_promotion_requests_each_tag_once(fleet: Fleet) -> None:
    """Nothing moves, so nothing is verified, judged or recorded: where the tags are is all there is to know."""
    (image,) = (await fleet.run(Stage.SIGN)).images
    await _promoted(fleet)
    assert await _promoted(fleet) == []
    _, prod, _ = fleet.context.plan.project.environments
    wanted = [
        image.written[0],
        *(fleet.context.repository(prod, "app").tagged(t) for t in ("1.2.3", "1", "1.2")),
    ]
    requests = sorted(f"{r.method} {r.target}" for r in fleet.requests)
    assert requests == sorted(f"HEAD /v2/{ref.repository.path}/manifests/{ref.tag}" for ref in wanted)
    async with Registry() as registry:
        await registry.delete(wanted[-1])
    assert await _promoted(fleet, force=True) == ["1.2"]
    assert any("/referrers/" in r.target for r in fleet.requests), "verified as ever"


async def _promoted(fleet: Fleet, *, force: bool = False) -> list[str]:
    """Promote to the second environment by name, as another process does; gives the tags that moved."""
    first, prod, _ = fleet.context.plan.project.environments
    async with Registry() as registry:
        fleet.requests = recorded(registry)
        context = replace(fleet.context, registry=registry, promotion=PromotionOptions(force=force))
        done = await Promotions(context, first, [prod]).perform()
    return [move.reference.tag or "" for one in done for move in one.promotion.moves]


async def test_a_rerun_requests_the_tags_that_people_use(fleet: Fleet) -> None:
    first = await fleet.run(Stage.PROMOTE)
    second = await fleet.run(Stage.PROMOTE)
    assert [i.index for i in second.images] == [i.index for i in first.images]
    assert fleet.repeated("GET", "HEAD", "POST", "PUT") == {}
    assert len(second.images[0].promoted) == sum(r.method == "HEAD" for r in fleet.requests) - 1
    assert not any(r.method in ("PUT", "POST") for r in fleet.requests)


async def test_findings_of_newer_data_are_attested_beside_the_older_ones(fleet: Fleet) -> None:
    await fleet.run(Stage.SIGN)
    context = fleet.context
    project = replace(
        context.plan.project,
        vulnerability_db=replace(context.plan.project.vulnerability_db, tag="2"),
    )
    database = await push_image(
        context.registry, project.vulnerability_db.repository, "newer database", tag="2"
    )
    records = Records(context.store(), context.plan.targets)
    for target in context.plan.targets:
        record = await records.find(target.key or "")
        assert record and record.evidence.scan
        tool = replace(record.evidence.scan.tool, data_digest=str(database))
        scan = replace(record.evidence.scan, tool=tool)
        report = json.dumps({"CreatedAt": "2026-11-27", "of": target.id}).encode()
        await records.write(
            replace(record, evidence=replace(record.evidence, scan=scan)), {"trivy-json": report}
        )
    fleet.context = replace(context, plan=replace(context.plan, project=project), today=date(2026, 11, 27))
    result = await fleet.run(Stage.SIGN)
    assert result.images[0].signed, result.images
    attached = [r for r in fleet.requests if r.method == "PUT" and "/manifests/sha256:" in r.target]
    assert len(attached) == 3, (
        "new findings of each platform and the index, and nothing that is attached already"
    )
    assert not {r for r in fleet.repeated("GET") if "/referrers/" in r}


async def test_the_index_bears_a_bill_of_materials_of_its_own(registry: Registry, fleet: Fleet) -> None:
    (image,) = (await fleet.run(Stage.SIGN)).images
    assert image.index and image.pushed
    repository = image.pushed.repository
    verification = await examine(registry, repository, image.index, PublicKey(PUBLIC, "test"))
    assert sorted(s.predicate_type for s in verification.statements) == sorted(
        [CYCLONEDX, SPDX, VULNERABILITIES, SIGNATURE]
    )
    (document,) = (s.predicate for s in verification.statements if s.predicate_type == CYCLONEDX)
    assert str(image.index) in document["metadata"]["component"]["purl"]
    links = [component["externalReferences"][0]["url"] for component in document["components"]]
    digests = {ref.id: ref.reference.digest for ref in image.refs}
    serials = [
        serial_of(fleet.context, target, digest)
        for target in fleet.context.plan.targets
        if (digest := digests[target.id])
    ]
    assert sorted(links) == sorted(f"{serial.replace('uuid', 'cdx')}/1" for serial in serials)


async def test_bills_of_materials_made_again_are_attested_beside_the_older_ones(
    registry: Registry, fleet: Fleet
) -> None:
    (first,) = (await fleet.run(Stage.SIGN)).images
    records = Records(replace(fleet.context, registry=registry).store(), fleet.context.plan.targets)
    for target in fleet.context.plan.targets:
        record = await records.find(target.key or "")
        assert record
        newer = {kind: compact({"newer": kind}) for kind in ("cyclonedx-json", "spdx-json")}
        await records.write(replace(record, attested=None), newer)
    fleet.context = replace(fleet.context, today=date(2026, 11, 27))
    (second,) = (await fleet.run(Stage.SIGN)).images
    assert second.index == first.index and second.signed
    attached = [r for r in fleet.requests if r.method == "PUT" and "/manifests/sha256:" in r.target]
    assert len(attached) == 6, "two of each platform and, because it names theirs, of the index"
    (third,) = (await fleet.run(Stage.SIGN)).images
    assert third.signed and not any(
        r.method == "PUT" and "/manifests/sha256:" in r.target for r in fleet.requests
    )


async def test_a_record_is_read_once_and_written_for_later_runs(registry: Registry, fleet: Fleet) -> None:
    requests = recorded(registry)
    records = Records(replace(fleet.context, registry=registry).store(), fleet.context.plan.targets)
    key = fleet.context.plan.targets[0].key or ""
    first, second = await records.find(key), await records.find(key)
    assert first is second is not None and len(requests) == 1
    assert await records.find("f" * 64) is None
    assert await records.find("f" * 64) is None
    assert len(requests) == 3, "its record, then its image"


async def test_the_inputs_of_a_build_are_made_read_and_written_once(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []

    def inputs_of(plan: Plan, target_id: str) -> Any:
        computed.append(target_id)
        return key_difference.inputs_of(plan, target_id)

    async def build(
        self: Builder,
        target: Target,
        bases: Mapping[str, Digest],
        *,
        rank: int = 0,
        tag: str | None = None,
        reason: str = "",
    ) -> Record:
        assert reason == "it was never built before"
        return Record(target.key or "", Digest.of(target.id.encode()), Evidence(1))

    monkeypatch.setattr(build_inputs, "inputs_of", inputs_of)
    monkeypatch.setattr(Builder, "build", build)
    unknown = [
        replace(target, key=f"{number}" * 64) for number, target in enumerate(fleet.context.plan.targets)
    ]
    fleet.context = replace(fleet.context, plan=replace(fleet.context.plan, targets=tuple(unknown)))
    result = await fleet.run(Stage.BUILD)
    assert [target.status for target in result.targets] == [Status.BUILT, Status.BUILT]
    assert sorted(computed) == sorted(target.id for target in unknown)
    for target in unknown:
        tag = build_inputs.tag_in(space(fleet), target.id)
        made = [request.method for request in fleet.requests if request.target.endswith(f"/manifests/{tag}")]
        assert made == ["GET", "PUT"]
