"""Whoever may write to the repository of builds has nothing signed that this site neither built nor examined.

Each attack plants something for a target that was built and examined, or not: a run does the work again (here the
builder says so by failing), publishes nothing of it and reports it once. docs/trust.md has the same table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import BuildError
from pipeline.model import Descriptor, Digest, Manifest, Platform
from pipeline.model.descriptor import EMPTY_JSON, OCI_MANIFEST
from pipeline.oci.artifact import artifact_manifest
from pipeline.plan.plan import Target
from pipeline.registry import Registry
from pipeline.run import Stage, Status
from pipeline.run.target.build import Builder
from pipeline.state import records as record_store
from pipeline.state.record import Record
from pipeline.state.records import RECORD_TYPE, Records
from pipeline.state.signers import Signers
from pipeline.state.store import STATEMENT, Store
from pipeline.util.json.canonical import compact
from pipeline.util.progress import ProgressState
from tests.registry import images
from tests.stages.fleet import Fleet, make_fleet, plan
from tests.tools.signing.bundles import OTHER_KEY, pair

pytestmark = [pytest.mark.real, pytest.mark.anyio]
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
