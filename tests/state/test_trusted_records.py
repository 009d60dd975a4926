"""Records count by their signature: those of trusted keys, wherever a run, a promotion or a merge reads them."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from pipeline.errors import GateClosed
from pipeline.registry import Registry
from pipeline.release.promote import Promotions
from pipeline.run import RunResult, Stage, Status
from pipeline.run.publish.fan_in import manifest as merge
from pipeline.state import run_state
from pipeline.state.records import Records
from pipeline.state.run_state import PublishedState
from pipeline.state.signers import Signers
from pipeline.state.store import STATEMENT, Store
from pipeline.trust import CYCLONEDX, SPDX, VULNERABILITIES, PublicKey, examine
from tests.stages.fleet import Fleet
from tests.tools.signing.bundles import OTHER_KEY, pair, public

from .test_remembered import (
    by_key_tag,
    fleet,
    forged_image,
    forged_record,
    own_record,
    record_tag,
    victim,
    warnings,
)

__all__ = ["fleet"]

pytestmark = [pytest.mark.real, pytest.mark.anyio]

OTHER = PublicKey(public(OTHER_KEY), "keys/ci.pub")


async def test_a_run_state_that_says_signed_is_worth_nothing(fleet: Fleet, registry: Registry) -> None:
    """It is signed by another key, has a forged record and says that a forged index was published."""
    context, target = fleet.context, victim(fleet)
    forged = await forged_record(fleet, target)
    signers = Signers.of(context.plan.project.project, pair(OTHER_KEY, "attacker"))
    store = Store(registry, context.builds, signers)
    planted = run_state.RunState(PublishedState(context.today))
    planted.keep_record(forged)
    assert await planted.save(store)
    assert signers.own and store.signers.own
    tag = run_state.tag_in(signers.space(signers.own))
    made = await registry.get_manifest(context.builds.tagged(tag))
    own = context.store().signers
    assert made and own.own
    tag = run_state.tag_in(own.space(own.own))
    await registry.put_manifest(context.builds, made.raw, made.media_type, tag=tag)
    result = await fleet.run(Stage.SIGN)
    assert result.targets[0].digest == (await own_record(fleet, target)).digest != forged.digest
    (warning,) = warnings(fleet)
    assert f"{tag}: it is not signed by test" in warning


async def test_a_tag_that_moves_after_the_verdict_changes_nothing(
    fleet: Fleet, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was judged is pushed by its digest; the key's tag may name what it likes meanwhile."""
    from pipeline.run import pipeline

    publish = pipeline.publish

    async def moved(*arguments: Any) -> Any:
        await forged_image(fleet, victim(fleet))
        return await publish(*arguments)

    record = await own_record(fleet, victim(fleet))
    monkeypatch.setattr(pipeline, "publish", moved)
    (image,) = (await fleet.run(Stage.SIGN)).images
    assert image.signed and image.pushed
    index = await registry.get_manifest(image.pushed.repository.at(image.index or record.digest))
    assert index and index.children[0].digest == record.digest
    again = await fleet.run(Stage.SIGN)
    assert again.targets[0].status is Status.REUSED and again.images[0].index == image.index


async def test_records_of_a_key_that_trust_names_count(fleet: Fleet) -> None:
    """Nothing of this site's own is there: both targets are known from the other key, which signs no images here."""
    made, context = fleet.context.plan.project.project, fleet.context
    signers = Signers.of(made, pair(OTHER_KEY, "ci"))
    theirs = Records(Store(context.registry, context.builds, signers), context.plan.targets)
    for target in context.plan.targets:
        await theirs.write(await own_record(fleet, target), {})
        await context.registry.delete(context.builds.tagged(record_tag(fleet, target)))
    assert {t.status for t in (await fleet.run(Stage.BUILD)).targets} == {Status.FAILED}
    fleet.context = replace(context, trusted=(OTHER,))
    result = await fleet.run(Stage.SIGN)
    assert {t.status for t in result.targets} == {Status.REUSED} and result.images[0].signed
    written = [r.target for r in fleet.requests if r.method == "PUT" and r.target.endswith("-record")]
    theirs_in = f"{signers.space(OTHER)}-record"
    assert written and not any(tag.endswith(theirs_in) for tag in written), "each key has tags of its own"


async def test_without_a_private_key_nothing_is_remembered_and_it_is_said(fleet: Fleet) -> None:
    context = fleet.context
    fleet.context = replace(context, signing=replace(context.signing, private=None))
    result: RunResult = await fleet.run(Stage.PUSH)
    assert {t.status for t in result.targets} == {Status.REUSED}, "trusted records are read"
    records = Records(fleet.context.store(), context.plan.targets)
    tag = record_tag(fleet, victim(fleet))
    before = await context.registry.head(context.builds.tagged(tag))
    await records.write(replace(await own_record(fleet, victim(fleet)), revision="new"), {})
    assert await context.registry.head(context.builds.tagged(tag)) == before
    assert records.store.warnings == ("nothing is remembered: there is no private key to sign records with",)


async def test_a_platform_without_a_trusted_record_is_not_merged(fleet: Fleet, registry: Registry) -> None:
    target, context = victim(fleet), fleet.context
    await fleet.run(Stage.PUSH)
    await merge(context)
    await by_key_tag(fleet, target)
    with pytest.raises(GateClosed, match=r"is not what the repository of builds has") as refused:
        await merge(context)
    assert "has no record that a trusted key signed" in (refused.value.detail or "")
    assert any("not trusted" in warning for warning in warnings(fleet))


@pytest.mark.parametrize(
    ("kind", "reason", "of_index"),
    [
        (VULNERABILITIES, "has no signed findings", False),
        *((CYCLONEDX, "no signed bill of materials (CycloneDX)", of_index) for of_index in (False, True)),
        *((SPDX, "no signed bill of materials (SPDX)", of_index) for of_index in (False, True)),
    ],
)
async def test_what_somebody_deleted_is_not_promoted_without_and_sign_attaches_it(
    fleet: Fleet, registry: Registry, kind: str, reason: str, of_index: bool
) -> None:
    (image,) = (await fleet.run(Stage.SIGN)).images
    assert image.pushed and image.index
    repository, key = image.pushed.repository, fleet.context.signing.public_key
    subject = image.index if of_index else (await own_record(fleet, victim(fleet))).digest
    attached = await examine(registry, repository, subject, key)
    for statement, referrer in zip(attached.statements, attached.sources, strict=True):
        if statement.predicate_type == kind:
            await registry.delete_referrer(repository, referrer, subject)
    environments = fleet.context.plan.project.environments
    promotions = partial(Promotions, origin=environments[0], to=[environments[1]])

    async with Registry() as other:
        with pytest.raises(GateClosed) as refused:
            await promotions(replace(fleet.context, registry=other)).plan()
    assert reason in refused.value.message and "lockage sign" in (refused.value.hint or "")

    assert (await fleet.run(Stage.SIGN)).images[0].signed
    assert (await examine(registry, repository, subject, key)).has(kind)
    async with Registry() as other:
        (done,) = await promotions(replace(fleet.context, registry=other)).perform()
        assert (await examine(other, done.promotion.destination, subject, key)).has(kind)


async def test_a_record_is_a_statement_that_other_tools_can_read(fleet: Fleet, registry: Registry) -> None:
    """An in-toto statement about the stored bytes, in a DSSE envelope, in an annotation of the artifact."""
    target = victim(fleet)
    made = await registry.get_manifest(fleet.context.builds.tagged(record_tag(fleet, target)))
    assert made
    envelope = json.loads(made.annotations[STATEMENT])
    assert envelope["payloadType"] == "application/vnd.in-toto+json" and len(envelope["signatures"]) == 1
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert statement["subject"] == [{"digest": {"sha256": made.layers[0].digest.hex}}]
    predicate = statement["predicate"]
    assert predicate["name"] == target.key and predicate["platform"] == "linux/amd64"
    assert predicate["image"] == str((await own_record(fleet, target)).digest)
    assert predicate["builder"]["id"] == "lockage" and predicate["builder"]["version"]
