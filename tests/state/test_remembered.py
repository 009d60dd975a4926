"""Whoever may write to the repository of builds has nothing signed that this site neither built nor examined.

Each attack plants something for a target that was built and examined, or not: a run does the work again (here the
builder says so by failing), publishes nothing of it and reports it once. docs/trust.md has the same table.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BuildError, GateClosed
from pipeline.model import Descriptor, Digest, Manifest, Platform
from pipeline.model.descriptor import EMPTY_JSON, OCI_MANIFEST
from pipeline.oci.artifact import artifact_manifest
from pipeline.plan.plan import Target
from pipeline.registry import Registry
from pipeline.release.promote import Promotions
from pipeline.run import RunResult, Stage, Status
from pipeline.run.publish.fan_in import manifest as merge
from pipeline.run.target.build import Builder
from pipeline.state import records as record_store
from pipeline.state import run_state
from pipeline.state.record import Record
from pipeline.state.records import RECORD_TYPE, Records
from pipeline.state.run_state import PublishedState
from pipeline.state.signers import Signers
from pipeline.state.store import STATEMENT, Store
from pipeline.trust import CYCLONEDX, SPDX, VULNERABILITIES, PublicKey, examine
from pipeline.util.json.canonical import compact
from pipeline.util.progress import ProgressState
from tests.registry import images
from tests.stages.fleet import Fleet, make_fleet, plan
from tests.tools.signing.bundles import OTHER_KEY, pair, public

pytestmark = [pytest.mark.real, pytest.mark.anyio]

OTHER = PublicKey(public(OTHER_KEY), "keys/ci.pub")
Attack = Callable[[Fleet, Target], Awaitable[None]]


@pytest.fixture
async def fleet(olareg: str, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Two platforms of one image tag, built and examined; building again fails, so that it can be seen."""

    async def build(self: Builder, target: Target, bases: Mapping[str, Digest], **_: object) -> Record:
        raise BuildError(f"{target.id} is built again")

    monkeypatch.setattr(Builder, "build", build)
    return await make_fleet(registry, plan(olareg), tmp_path)


def victim(fleet: Fleet) -> Target:
    """The target that is attacked."""
    return fleet.context.plan.targets[0]


def record_tag(fleet: Fleet, target: Target) -> str:
    """Where the site's own record of a target is."""
    store = fleet.context.store()
    assert store.signers.own
    return record_store.tag_in(store.signers.space(store.signers.own), target.key or "")


async def own_record(fleet: Fleet, target: Target) -> Record:
    """The true record of a target."""
    found = await Records(fleet.context.store(), fleet.context.plan.targets).find(target.key or "")
    assert found
    return found


async def forged_image(fleet: Fleet, target: Target) -> Manifest:
    """Somebody's image under a target's key."""
    context = fleet.context
    image = images.image("forged", platforms=(str(target.platform),), layers=1)
    for descriptor, content in image.blobs.items():
        await context.registry.put_blob(context.builds, content, descriptor)
    manifest = image.children[0]
    await context.registry.put_manifest(context.builds, manifest.raw, OCI_MANIFEST, tag=target.key)
    return manifest


async def forged_record(fleet: Fleet, target: Target) -> Record:
    """A record that has the evidence of the true image for somebody's."""
    return replace(await own_record(fleet, target), digest=(await forged_image(fleet, target)).digest)


async def put(fleet: Fleet, tag: str, content: bytes, annotations: Mapping[str, str]) -> None:
    """A record's artifact, whatever it says."""
    registry, builds = fleet.context.registry, fleet.context.builds
    layer = Descriptor.of(content, RECORD_TYPE)
    made = artifact_manifest(RECORD_TYPE, [layer], annotations=annotations, embedded={layer.digest: content})
    await registry.put_blob(builds, EMPTY_JSON)
    await registry.put_blob(builds, content)
    await registry.put_manifest(builds, made.raw, made.media_type, tag=tag)


async def sealed(fleet: Fleet, target: Target, signers: Signers, record: Record) -> Manifest:
    """The artifact that other signers make of a record, moved to where this site's own is."""
    registry, builds = fleet.context.registry, fleet.context.builds
    await Records(Store(registry, builds, signers), [target]).write(record, {})
    assert signers.own
    made = await registry.get_manifest(
        builds.tagged(record_store.tag_in(signers.space(signers.own), record.key))
    )
    assert made
    await registry.put_manifest(builds, made.raw, made.media_type, tag=record_tag(fleet, target))
    return made


async def by_key_tag(fleet: Fleet, target: Target) -> None:
    await fleet.context.registry.delete(fleet.context.builds.tagged(record_tag(fleet, target)))
    await forged_image(fleet, target)


async def by_unsigned_record(fleet: Fleet, target: Target) -> None:
    record = await forged_record(fleet, target)
    await put(fleet, record_tag(fleet, target), compact(record.to_stored()), {})


async def by_other_evidence_under_the_true_signature(fleet: Fleet, target: Target) -> None:
    registry, builds = fleet.context.registry, fleet.context.builds
    true = await registry.get_manifest(builds.tagged(record_tag(fleet, target)))
    assert true
    record = await forged_record(fleet, target)
    statement = {STATEMENT: true.annotations[STATEMENT]}
    await put(fleet, record_tag(fleet, target), compact(record.to_stored()), statement)


async def by_other_key(fleet: Fleet, target: Target) -> None:
    signers = Signers.of(fleet.context.plan.project.project, pair(OTHER_KEY, "attacker"))
    await sealed(fleet, target, signers, await forged_record(fleet, target))


async def replayed_from_another_project(fleet: Fleet, target: Target) -> None:
    await sealed(fleet, target, Signers.of("another", pair()), await forged_record(fleet, target))


async def replayed_from_another_target(fleet: Fleet, target: Target) -> None:
    registry, builds = fleet.context.registry, fleet.context.builds
    other = fleet.context.plan.targets[1]
    made = await registry.get_manifest(builds.tagged(record_tag(fleet, other)))
    assert made
    await registry.put_manifest(builds, made.raw, made.media_type, tag=record_tag(fleet, target))


async def of_another_platform(fleet: Fleet, target: Target) -> None:
    signers = Signers.of(fleet.context.plan.project.project, pair())
    other = replace(target, platform=Platform.parse("linux/s390x"))
    await sealed(fleet, other, signers, await forged_record(fleet, target))


async def by_a_statement_of_another_kind(fleet: Fleet, target: Target) -> None:
    """Signed as build inputs, which say nothing of an image."""
    record = await forged_record(fleet, target)
    content, store = compact(record.to_stored()), fleet.context.store()
    binding = record_store.Binding("https://lockage.org/statement/build-inputs/v1", record.key)
    statement = store.signers.sign(binding, Digest.of(content))
    await put(fleet, record_tag(fleet, target), content, {STATEMENT: statement})


ATTACKS: list[tuple[Attack, str]] = [
    (by_key_tag, "no trusted key signed a record of this image"),
    (by_unsigned_record, "it is not signed"),
    (
        by_other_evidence_under_the_true_signature,
        "its signature is of something else: its subject is sha256:",
    ),
    (by_other_key, "it is not signed by test"),
    (replayed_from_another_project, "it is signed for the project another, not p"),
    (replayed_from_another_target, "it is signed for the name "),
    (of_another_platform, "it is signed for the platform linux/s390x, not linux/amd64"),
    (by_a_statement_of_another_kind, "it is signed as https://lockage.org/statement/build-inputs/v1"),
]


def warnings(fleet: Fleet) -> list[str]:
    """The warnings so far."""
    return [event.detail for event in fleet.events if event.state is ProgressState.WARNING]


@pytest.mark.parametrize(("attack", "reason"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
async def test_what_somebody_planted_is_as_if_it_were_not_there(
    fleet: Fleet, registry: Registry, attack: Attack, reason: str
) -> None:
    target = victim(fleet)
    await attack(fleet, target)
    result = await fleet.run(Stage.SIGN)
    attacked, other = result.targets
    assert attacked.status is Status.FAILED and attacked.reason == f"{target.id} is built again"
    assert other.status is Status.REUSED
    assert [image.status for image in result.images] == [Status.ABORTED]
    dev = fleet.context.repository(fleet.context.plan.project.environments[0], target.image)
    assert await registry.tags(dev) == []
    (warning,) = warnings(fleet)
    assert reason in warning and "are not trusted, and ignored" in warning


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
