"""Retention on real registries: the situations that public cleaners are known to break images in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from pipeline.errors import UsageError
from pipeline.model import Descriptor, Manifest, Platform
from pipeline.model.descriptor import OCI_INDEX
from pipeline.model.retention import RetentionRule
from pipeline.policy.retention import RetentionPlan
from pipeline.policy.retention.schema import retention_schema
from pipeline.registry import Registry
from pipeline.release.retention.planning import plan_retention
from pipeline.util.json.canonical import compact
from tests.registry import images
from tests.registry.conftest import Program, crane
from tests.stages.fleet import recorded

from .repository import NOW, Yard, within

pytestmark = [pytest.mark.real, pytest.mark.anyio]
__all__ = ["crane"]


@pytest.fixture
def yard(host: str) -> Yard:
    return Yard(host)


def index_of(*children: Manifest, **more: object) -> Manifest:
    entries = [
        Descriptor(m.media_type, m.digest, len(m.raw), Platform("linux", arch)).to_oci()
        for m, arch in zip(children, ("amd64", "arm64", "s390x"), strict=False)
    ]
    return Manifest.parse(compact({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **more}))


async def test_an_image_goes_with_children_referrers_and_theirs_and_all_others_stay_whole(
    yard: Yard, crane: Program
) -> None:
    """Planted at once: a shared child, a shared manifest under several tags, referrers of referrers, attestations as
    children, a tag that looks like a digest, an image of one platform, layers that both have."""
    old = await yard.push("old", "old-1", "old-2")
    kept = await yard.push("kept", "keep-1")
    both = await yard.push("both", "old-both", "keep-both")
    single = kept.children[0]
    shared = index_of(old.children[0], kept.children[1])
    await yard.tag(shared, "keep-shared")
    await yard.tag(single, "old-single")
    looks = await yard.push("looks", "sha256-" + "0" * 64)
    signature = await yard.attach(old.index.descriptor, "signature")
    countersigned = await yard.attach(signature.descriptor, "countersignature")
    on_child = await yard.attach(old.children[1].descriptor, "sbom of a platform")
    on_shared = await yard.attach(old.children[0].descriptor, "sbom of the shared platform")
    on_kept = await yard.attach(kept.index.descriptor, "kept signature")
    on_both = await yard.attach(both.index.descriptor, "signature of both")
    await yard.aged()

    plan = await yard.plan()
    judge = Draft202012Validator(retention_schema())
    judge.validate(plan.to_json())
    assert RetentionPlan.from_json(json.loads(json.dumps(plan.to_json()))).to_json() == plan.to_json()
    outcome = await yard.apply()
    assert outcome.fault is None and not outcome.broken and not outcome.saved and not outcome.refused
    judge.validate({**plan.to_json(), "outcomes": [outcome.to_json()]})
    assert {a.digest for a in outcome.deleted if not a.tag} >= {
        old.index.digest,
        old.children[1].digest,
        signature.digest,
        countersigned.digest,
        on_child.digest,
        looks.index.digest,
    }
    assert await yard.tags() == {"keep-1", "keep-both", "keep-shared"}
    gone = (old.index, old.children[1], signature, countersigned, on_child, looks.index, *looks.children)
    assert await yard.there(*gone) == [False] * len(gone)
    stays = (kept.index, *kept.children, shared, old.children[0], on_shared, on_kept, both.index, on_both)
    assert await yard.there(*stays, *both.children) == [True] * (len(stays) + 2)
    for tag in ("keep-1", "keep-both", "keep-shared"):
        await crane("validate", "--remote", f"{yard.repository}:{tag}")
    async with Registry() as registry:
        for subject, referrer in ((kept.index, on_kept), (old.children[0], on_shared)):
            assert [d.digest for d in await registry.referrers(yard.repository, subject.digest)] == [
                referrer.digest
            ]
        assert not await registry.referrers(yard.repository, old.index.digest)
    recorded_ones = await yard.deletions_recorded()
    assert ("app:old-1", True) in recorded_ones and (f"app@{old.index.digest}", True) in recorded_ones
    again = await yard.apply()
    assert not again.deleted and not again.fault


async def test_a_plan_deletes_and_writes_nothing(yard: Yard) -> None:
    await yard.push("old", "old-1")
    await yard.push("kept", "keep-1")
    await yard.aged()
    async with Registry() as registry:
        requests = recorded(registry)
        plan, _ = await plan_retention(yard.scope(registry))
    assert plan.deletions and {request.method for request in requests} <= {"GET", "HEAD"}
    assert await yard.tags() == {"old-1", "keep-1"}


async def test_the_first_run_dates_what_it_sees_and_deletes_nothing_by_age(yard: Yard) -> None:
    await yard.push("old", "old-1")
    await yard.push("kept", "keep-1")
    await yard.apply()
    yard.later(6)
    await yard.push("new", "old-2")
    assert not (await yard.apply()).deleted
    yard.later(2)
    await yard.apply()
    assert await yard.tags() == {"old-2", "keep-1"}


async def test_a_tag_that_moved_is_young_again(yard: Yard) -> None:
    await yard.push("old", "old-1")
    await yard.push("kept", "keep-1")
    await yard.aged()
    image = await yard.push("new", "old-1")
    assert not (await yard.apply()).deleted
    assert await yard.there(image.index) == [True]


async def test_what_lost_its_tag_goes_if_the_rules_say_so(yard: Yard) -> None:
    yard.untagged = 2
    first = await yard.push("first", "keep-1")
    await yard.apply()
    await yard.push("second", "keep-1")
    await yard.apply()
    assert await yard.there(first.index) == [True]
    yard.later(3)
    outcome = await yard.apply()
    assert {a.digest for a in outcome.deleted} == {first.index.digest, *(c.digest for c in first.children)}


async def test_signatures_of_what_is_gone_go_and_broken_images_are_reported(yard: Yard) -> None:
    kept = await yard.push("kept", "keep-1")
    ghost = await yard.push("ghost", "keep-ghost")
    lost = await yard.push("lost", "keep-lost")
    signature = await yard.attach(lost.index.descriptor, "signature")
    config = images.manifest_of(lost.children[0].config, [])  # type: ignore[arg-type]
    cosign = f"sha256-{lost.index.digest.hex}.sig"
    await yard.tag(config, cosign)
    await yard.tag(config, f"sha256-{kept.index.digest.hex}.sig")
    async with Registry() as registry:
        await registry.delete(yard.repository.at(lost.index.digest))
        for child in ghost.children:
            await registry.delete(yard.repository.at(child.digest))
    outcome = await yard.apply()
    assert {(b.tag, b.missing) for b in outcome.broken} == {("keep-ghost", c.digest) for c in ghost.children}
    async with Registry() as registry:
        left = await registry.tags(yard.repository)
    assert cosign not in left and f"sha256-{kept.index.digest.hex}.sig" in left
    assert f"sha256-{lost.index.digest.hex}" not in left
    assert await yard.there(signature) == [False]


async def test_a_tag_that_appears_meanwhile_saves_what_it_needs(yard: Yard) -> None:
    old = await yard.push("old", "old-1")
    other = await yard.push("other", "old-2")
    last = await yard.push("last", "old-3")
    await yard.push("kept", "keep-1")
    await yard.aged()
    async with Registry() as registry:
        from pipeline.release.retention.perform import perform_retention

        scope = yard.scope(registry)
        plan, surveys = await plan_retention(scope)
        await yard.tag(old.index, "rescued")
        await yard.tag(index_of(other.children[0]), "keep-child")
        deletion = surveys[0].deletion
        delete_tag = deletion.tag

        async def racing(tag: str, digest: object, others: object) -> bool:
            if tag == "old-3":
                await yard.tag(last.index, "late")
            return await delete_tag(tag, digest, others)  # type: ignore[arg-type]

        deletion.tag = racing  # type: ignore[method-assign, assignment]
        (outcome,) = await perform_retention(scope, plan, surveys)
    assert outcome.fault is None and not outcome.broken
    saved = {a.digest for a in outcome.saved}
    assert {old.index.digest, other.children[0].digest, last.index.digest} <= saved
    assert await yard.tags() == {"keep-1", "rescued", "keep-child", "late"}
    assert await yard.there(old.index, *old.children, other.children[0], last.index) == [True] * 5
    assert await yard.there(other.index, other.children[1]) == [False, False]


async def test_one_run_deletes_no_more_than_its_limit_and_the_oldest_first(yard: Yard) -> None:
    first = await yard.push("first", "old-1")
    await yard.apply()
    yard.later(1)
    await yard.push("second", "old-2")
    await yard.push("kept", "keep-1")
    await yard.aged()
    within(yard, limit=4)
    outcome = await yard.apply()
    assert outcome.plan.left == 4 and len(outcome.deleted) == 4
    assert await yard.tags() == {"old-2", "keep-1"} and await yard.there(first.index) == [False]
    await yard.apply()
    assert await yard.tags() == {"keep-1"}


async def test_rules_that_keep_nothing_and_clocks_that_are_behind_are_refused(yard: Yard) -> None:
    await yard.push("old", "old-1")
    await yard.aged()
    with pytest.raises(UsageError, match="keep no tag") as refused:
        await yard.apply()
    assert "--allow-empty" in (refused.value.hint or "") and await yard.tags() == {"old-1"}
    yard.now = NOW - 10 * 86_400
    with pytest.raises(UsageError, match="the clock is behind"):
        await yard.apply()
    yard.later(60)
    assert (await within(yard, allow_empty=True).apply()).deleted
    assert await yard.tags() == set()


async def test_without_a_key_nothing_is_deleted(yard: Yard) -> None:
    await yard.push("old", "old-1")
    await yard.push("kept", "keep-1")
    await yard.aged()
    yard.key = replace(yard.key, private=None)
    assert (await yard.plan()).deletions
    with pytest.raises(UsageError, match="no private key"):
        await yard.apply()
    assert await yard.tags() == {"old-1", "keep-1"}


async def test_ages_count_from_the_images_where_that_is_wanted(yard: Yard) -> None:
    yard.rules = [RetentionRule(("*",), days=7, last=1)]
    for number, created in enumerate(
        ("2020-01-01T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-15T00:00:00Z")
    ):
        config = compact({"architecture": "amd64", "os": "linux", "created": created})
        descriptor = Descriptor.of(config, "application/vnd.oci.image.config.v1+json")
        async with Registry() as registry:
            await registry.put_blob(yard.repository, config, descriptor)
        await yard.tag(images.manifest_of(descriptor, []), f"v{number}")
    scope = yard.scope

    def by_created(registry: Registry):  # type: ignore[no-untyped-def]
        made = scope(registry)
        return replace(made, retention=replace(made.retention, dates="created"))

    yard.scope = by_created  # type: ignore[method-assign]
    await yard.apply()
    assert await yard.tags() == {"v2"}


async def test_a_plan_takes_one_request_a_tag_and_next_to_none_once_they_are_known(yard: Yard) -> None:
    """Referrers are listed of what goes alone."""
    kept = await yard.push("kept", "keep-1")
    old = await yard.push("old", "old-1")
    for number in range(30):
        await yard.tag(kept.children[number % 2], f"keep-{number}-more")
    first = await requests_of_a_plan(yard)
    referrer_lists = [path for path in first if "/referrers/" in path]
    assert len(first) == 32 + 2 and not referrer_lists, "each tag, their list, and what retention knows"
    await yard.aged()
    known = await requests_of_a_plan(yard)
    tags = [path for path in known if "/manifests/" in path and "sha256:" not in path]
    assert [path.rpartition("/")[2] for path in tags if "retention-" not in path] == ["old-1"]
    looked_into = {str(m.digest) for m in (old.index, *old.children)}
    by_digest = [path.partition("?")[0] for path in known if "sha256:" in path and "/blobs/" not in path]
    assert {path.rpartition("/")[2] for path in by_digest} == looked_into


async def requests_of_a_plan(yard: Yard) -> list[str]:
    async with Registry() as registry:
        requests = recorded(registry)
        await plan_retention(yard.scope(registry))
    return [request.target for request in requests]
