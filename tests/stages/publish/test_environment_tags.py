"""Tags of environments on real registries: rules, drift, interruptions, and what all that requests."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import Exit
from pipeline.registry import Registry
from pipeline.release.promote import Promotions
from pipeline.run import ImageResult, Stage, Status
from pipeline.run.publish.environment_tags import TagsRefused
from pipeline.run.publish.promotion_attestation import PROMOTION
from pipeline.state.ledger import Act, load_ledger, tag_in, write_entry
from pipeline.trust import PublicKey, examine
from tests.release.promotions import (
    TAGS,
    ledger,
    point,
    promoted,
    rebuild,
    reference,
    tags,
    with_options,
    with_rules,
)
from tests.stages.fleet import PUBLIC, Fleet, make_fleet, plan

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.fixture
async def fleet(host: str, registry: Registry, tmp_path: Path) -> Fleet:
    return await make_fleet(registry, plan(host), tmp_path)


async def test_a_rebuilt_version_moves_and_every_move_is_recorded(fleet: Fleet) -> None:
    with_options(fleet, author="me@here")
    first = await promoted(fleet)
    assert first.index and await tags(fleet, *TAGS) == [first.index] * 3
    empty = await ledger(fleet)
    assert empty.newest and [c.before for c in empty.newest.changes] == [None] * 3
    await rebuild(fleet, "again")
    second = await promoted(fleet)
    assert second.index and second.index != first.index
    assert await tags(fleet, *TAGS) == [second.index] * 3
    moves = [move for move in second.moves if "/prod/" in str(move.reference)]
    assert [(m.before, m.after) for m in moves] == [(first.index, second.index)] * 3
    assert f"{first.index.short} → {second.index.short}" in str(moves[0])
    found = await ledger(fleet)
    assert found.newest and found.newest.complete and found.newest.sequence == 2
    assert (found.newest.act.author, found.newest.act.command) == ("me@here", "run")
    assert [c.name for c in found.newest.changes] == [f"app:{tag}" for tag in ("1.2.3", "1", "1.2")]
    assert len(found.layers) == 2 and found.layers[1].digest == found.newest.previous


async def test_each_digest_bears_what_was_done_with_its_tags(fleet: Fleet) -> None:
    with_options(fleet, author="me@here")
    project = fleet.context.plan.project
    first, prod, *others = project.environments
    project = replace(project, environments=(first, replace(prod, attest=True), *others))
    fleet.context = replace(fleet.context, plan=replace(fleet.context.plan, project=project))

    async def attested(image: ImageResult) -> list[dict[str, Any]]:
        async with Registry() as registry:
            repository, key = reference(fleet, "1").repository, PublicKey(PUBLIC, "test")
            assert image.index
            seen = await examine(registry, repository, image.index, key)
            assert not seen.refused
            return [dict(s.predicate) for s in seen.statements if s.predicate_type == PROMOTION]

    old = await promoted(fleet)
    (statement,) = await attested(old)
    assert (await promoted(fleet)).moves == () and len(await attested(old)) == 1, "nothing was done"
    newest = (await ledger(fleet)).newest
    assert newest and statement == {
        "environment": "prod",
        "repository": str(reference(fleet, "1").repository),
        "tags": dict.fromkeys(TAGS),
        "version": "1.2.3",
        **newest.act.to_json(),
        "ledger": {"entry": 1, "previous": None},
    }
    await rebuild(fleet, "again")
    (statement,) = await attested(await promoted(fleet))
    assert statement["tags"] == dict.fromkeys(TAGS, str(old.index)) and statement["author"] == "me@here"
    assert statement["ledger"] == {"entry": 2, "previous": str((await ledger(fleet)).layers[1].digest)}


async def test_an_unchanged_run_reads_no_ledger(fleet: Fleet) -> None:
    await promoted(fleet)
    again = await promoted(fleet)
    space = fleet.context.store().signers.space(PublicKey(PUBLIC, "test"))
    assert not any(tag_in(space, "prod") in request.target for request in fleet.requests)
    assert not again.moves and len(again.promoted) == 3


async def test_what_strangers_moved_or_deleted_is_reported_and_overwritten_only_by_force(
    fleet: Fleet,
) -> None:
    first = await promoted(fleet)
    assert first.index
    await rebuild(fleet, "again")
    second = await promoted(fleet)
    assert second.index
    await point(fleet, "1", first.index)
    drifted = await promoted(fleet)
    assert drifted.status is Status.FAILED and isinstance(drifted.fault, TagsRefused)
    assert drifted.fault.exit_code is Exit.GATE
    line = f"{reference(fleet, '1')}  {second.index} → {first.index}, not ours"
    assert drifted.fault.message == line and "--force" in (drifted.fault.hint or "")
    assert await tags(fleet, *TAGS) == [second.index, first.index, second.index]
    await point(fleet, "1.2", first.index)
    with pytest.raises(TagsRefused) as raised:
        await _promotions(fleet).perform()
    assert raised.value.detail and raised.value.detail.splitlines()[0] == line
    assert raised.value.message == "2 tags of prod must not be moved"
    with_options(fleet, force=True)
    forced = await promoted(fleet)
    assert not forced.fault and await tags(fleet, *TAGS) == [second.index] * 3


def _promotions(fleet: Fleet) -> Promotions:
    first, second, *_ = fleet.context.plan.project.environments
    return Promotions(fleet.context, first, [second], signed=True)


async def test_a_tag_that_was_there_before_lockage_is_not_ours(fleet: Fleet) -> None:
    signed = (await fleet.run(Stage.SIGN)).images[0]
    assert signed.index
    context = fleet.context
    dev, prod = reference(fleet, "1", 0).repository, reference(fleet, "1").repository
    foreign = context.plan.project.vulnerability_db
    found = await context.registry.head(foreign)
    assert found
    await context.registry.copy(foreign.repository, found.digest, prod, tag="1")
    refused = await promoted(fleet)
    assert refused.fault and f"nothing → {found.digest}, not ours" in refused.fault.message
    assert await tags(fleet, "1.2.3") == [None]
    await context.registry.copy(dev, signed.index, prod, tag="1")
    await rebuild(fleet, "again")
    second = await promoted(fleet)
    assert not second.fault, "the key signed what it names for this tag, before there was a ledger"
    assert await tags(fleet, "1") == [second.index]


async def test_immutable_tags_are_refused_before_anything_is_written(fleet: Fleet) -> None:
    with_rules(fleet, immutable=("*.*.*",))
    first = await promoted(fleet)
    assert first.index and not (await promoted(fleet)).fault, "the same digest is nothing new"
    await rebuild(fleet, "again")
    second = await promoted(fleet)
    assert second.fault and second.fault.exit_code is Exit.GATE
    assert f"{first.index} → {second.index} refused: immutable by" in second.fault.message
    assert "publish a new version" in (second.fault.hint or "")
    assert await tags(fleet, *TAGS) == [first.index] * 3
    with_options(fleet, force=True)
    assert (await promoted(fleet)).fault, "force overwrites what strangers did, no immutable tag"


async def test_a_rebuilt_version_gets_a_revision(fleet: Fleet) -> None:
    with_rules(fleet, rebuilt="revision")
    indexes = [(await promoted(fleet)).index]
    for number in (2, 3):
        await rebuild(fleet, f"again {number}")
        image = await promoted(fleet)
        indexes.append(image.index)
        assert [str(kept.reference.tag) for kept in image.kept] == ["1.2.3"]
        assert f"1.2.3-r{number}" in [ref.tag for ref in image.promoted]
        requests = len(fleet.requests)
        again = await promoted(fleet)
        assert not again.moves and [k.reason for k in again.kept] == [k.reason for k in image.kept]
        assert again.promoted == image.promoted
        assert not any(r.method in ("PUT", "POST") for r in fleet.requests) and len(fleet.requests) < requests
    first, second, third = indexes
    found = await tags(fleet, "1.2.3", "1.2.3-r2", "1.2.3-r3", "1", "1.2")
    assert found == [first, second, third, third, third]


async def test_a_hotfix_of_an_older_version_leaves_newer_tags(fleet: Fleet) -> None:
    newer = await promoted(fleet)
    await rebuild(fleet, "hotfix", "1.2.2")
    hotfix = await promoted(fleet)
    assert hotfix.index and [ref.tag for ref in hotfix.promoted] == ["1.2.2"]
    assert {k.reference.tag: k.reason for k in hotfix.kept} == dict.fromkeys(
        ("1", "1.2"), "1.2.3 is newer than 1.2.2"
    )
    assert await tags(fleet, *TAGS, "1.2.2") == [*[newer.index] * 3, hotfix.index]
    again = await promoted(fleet)
    assert not again.moves and again.kept == hotfix.kept
    with_options(fleet, backwards="1.2.3 breaks logins")
    await _promotions(fleet).perform()
    assert await tags(fleet, "1", "1.2") == [hotfix.index] * 2
    found = await ledger(fleet)
    assert found.newest and found.newest.act.reason == "1.2.3 breaks logins"


async def test_a_promotion_that_was_interrupted_is_no_drift(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await promoted(fleet)
    await rebuild(fleet, "again")
    put, moved = Registry.put_manifest, list[str]()

    async def failing(self: Registry, repository: Any, raw: bytes, media_type: str, **more: Any) -> Any:
        if "/prod/" in repository.path and more.get("tag"):
            moved.append(more["tag"])
            if len(moved) == 2:
                raise KeyboardInterrupt
        return await put(self, repository, raw, media_type, **more)

    monkeypatch.setattr(Registry, "put_manifest", failing)
    with pytest.raises(BaseException):  # noqa: B017  # in a group of exceptions, or alone
        await fleet.run(Stage.PROMOTE)
    monkeypatch.undo()
    assert len(set(await tags(fleet, *TAGS))) == 2, "one tag moved"
    found = await ledger(fleet)
    assert found.newest and not found.newest.complete
    await rebuild(fleet, "and again")
    third = await promoted(fleet)
    assert not third.fault and await tags(fleet, *TAGS) == [third.index] * 3
    assert third.index != first.index


async def test_an_image_that_one_environment_refuses_goes_to_no_further_one(fleet: Fleet) -> None:
    (first,) = (await fleet.run(Stage.PROMOTE, environments=2)).images
    live = fleet.context.plan.project.environments[2].name
    assert first.index and len(first.promoted) == 6
    assert (await load_ledger(fleet.context.store(), live)).newest
    again = await fleet.run(Stage.PROMOTE, environments=2)
    assert not again.images[0].moves and again.images[0].promoted == first.promoted
    await rebuild(fleet, "again")
    second = await promoted(fleet)
    assert second.index
    await point(fleet, "1", first.index)
    (refused,) = (await fleet.run(Stage.PROMOTE, environments=2)).images
    found = await fleet.context.registry.head(reference(fleet, "1", 2))
    assert refused.fault and found and found.digest == first.index


async def test_a_registry_that_was_down_is_brought_up_to_date_by_a_later_run(fleet: Fleet) -> None:
    """Both environments in the project's registry but for a while, when the second is elsewhere, and down."""
    plan_ = fleet.context.plan
    first, prod, live = plan_.project.environments
    down = replace(plan_.project, environments=(first, prod, replace(live, registry="127.0.0.1:1")))
    fleet.context = replace(fleet.context, plan=replace(plan_, project=down))
    (image,) = (await fleet.run(Stage.PROMOTE, environments=2)).images
    assert image.fault and image.status is Status.FAILED and "127.0.0.1:1" in image.fault.message
    assert await tags(fleet, *TAGS) == [image.index] * 3, "the other one is up to date"
    fleet.context = replace(fleet.context, plan=plan_)
    (image,) = (await fleet.run(Stage.PROMOTE, environments=2)).images
    assert not image.fault and image.index
    found = [await fleet.context.registry.head(reference(fleet, tag, 2)) for tag in TAGS]
    assert [head.digest for head in found if head] == [image.index] * 3


async def test_a_pin_of_the_ledger_is_respected_and_reported(fleet: Fleet) -> None:
    first = await promoted(fleet)
    before = await ledger(fleet)
    entry = before.next(Act("rollback", reason="why"), (), {"app": "pinned: logins fail"})
    await write_entry(fleet.context.store(), before, replace(entry, complete=True))
    await rebuild(fleet, "again")
    for _ in range(2):
        pinned = await promoted(fleet)
        assert not pinned.fault and pinned.promoted == ()
        assert [(k.digest, k.reason) for k in pinned.kept] == [(first.index, "pinned: logins fail")] * 3
    assert await tags(fleet, *TAGS) == [first.index] * 3


async def test_a_ledger_that_nobody_trusted_signed_is_as_if_it_were_not_there(fleet: Fleet) -> None:
    await promoted(fleet)
    store = fleet.context.store()
    name = tag_in(store.signers.space(PublicKey(PUBLIC, "test")), "prod")
    manifest = await fleet.context.registry.get_manifest(store.repository.tagged(name))
    assert manifest
    data = json.loads(manifest.raw)
    data["annotations"]["org.lockage.statement"] = "{}"
    raw = json.dumps(data).encode()
    await fleet.context.registry.put_manifest(store.repository, raw, manifest.media_type, tag=name)
    assert (await load_ledger(store, "prod")).newest is None
    assert any(name in warning for warning in store.warnings)


async def test_without_a_key_to_record_it_nothing_is_promoted(fleet: Fleet) -> None:
    await fleet.run(Stage.SIGN)
    signing = replace(fleet.context.signing, private=b"")
    fleet.context = replace(fleet.context, signing=signing)
    image = await promoted(fleet)
    assert image.fault and "no private key" in image.fault.message
    assert await tags(fleet, *TAGS) == [None] * 3
