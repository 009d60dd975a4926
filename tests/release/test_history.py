"""The history of an environment on real registries: entries, gaps, forks, and tags that were moved around it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.model import Digest, Manifest
from pipeline.registry import Registry
from pipeline.release.history import History, read_history
from pipeline.state.ledger import Act, load_ledger, tag_in, write_entry
from pipeline.trust import PublicKey
from tests.stages.fleet import PUBLIC, Fleet
from tests.tools.signing.bundles import new_pair

from .promotions import point, promoted, promoted_thrice, rebuild, reference

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.fixture
async def fleet(host: str, registry: Registry, tmp_path: Path) -> Fleet:
    return await promoted_thrice(host, registry, tmp_path)


async def history(fleet: Fleet, *, check: bool = False) -> History:
    environment = fleet.context.plan.project.environments[1]
    return await read_history(fleet.context, environment, check=check)


def ledger_tag(fleet: Fleet) -> str:
    return tag_in(fleet.context.store().signers.space(PublicKey(PUBLIC, "test")), "prod")


async def change(fleet: Fleet, edit: Any) -> None:
    """Edit the manifest of the ledger as anybody may who writes to the repository of builds."""
    registry, repository = fleet.context.registry, fleet.context.builds
    manifest = await registry.get_manifest(repository.tagged(ledger_tag(fleet)))
    assert isinstance(manifest, Manifest)
    data = json.loads(manifest.raw)
    edit(data)
    raw = json.dumps(data).encode()
    await registry.put_manifest(repository, raw, manifest.media_type, tag=ledger_tag(fleet))


async def test_every_promotion_is_an_entry(fleet: Fleet) -> None:
    found = await history(fleet, check=True)
    assert not found.problems
    assert [(e.sequence, e.act.author, e.act.command, e.complete) for e in found.entries] == [
        (number, "me@here", "run", True) for number in (3, 2, 1)
    ]
    newest, middle, oldest = (entry.changes[0] for entry in found.entries)
    assert (newest.before, middle.before, oldest.before) == (middle.after, oldest.after, None)
    assert found.of_image("app") == found.entries and found.of_image("other") == ()
    assert all(entry.act.commit == "a" * 40 and entry.act.time.endswith("Z") for entry in found.entries)


async def test_what_was_changed_around_it_is_found(fleet: Fleet) -> None:
    found = await history(fleet)
    now, before = found.entries[0].changes[0].after, found.entries[1].changes[0].after
    await point(fleet, "1", before)
    assert not (await history(fleet)).problems, "tags are compared on request alone"
    checked = await history(fleet, check=True)
    assert checked.problems == (f"{reference(fleet, '1')}  {now} → {before}, not ours",)


async def test_an_entry_that_was_taken_out_or_replaced_is_a_gap(fleet: Fleet) -> None:
    def take_out(data: dict[str, Any]) -> None:
        del data["layers"][1]

    await change(fleet, take_out)
    found = await history(fleet)
    assert [entry.sequence for entry in found.entries] == [3] and "a gap: entry 3 follows" in found.problems[
        0
    ]

    def cut_off(data: dict[str, Any]) -> None:
        del data["layers"][1:]

    await change(fleet, cut_off)
    [problem] = (await history(fleet)).problems
    assert problem.startswith("a gap: entry 3 follows") and problem.endswith("which is missing")

    def forge(data: dict[str, Any]) -> None:
        data["layers"][0]["digest"] = str(Digest.of(b"{}"))

    await change(fleet, forge)
    found = await history(fleet)
    assert found.entries == () and "not trusted" in found.problems[0]


async def test_two_keys_continue_one_history_and_a_fork_is_found(fleet: Fleet) -> None:
    context, made = fleet.context, new_pair()
    ours = PublicKey(PUBLIC, "test")
    other = PublicKey(made.public, "other")
    theirs = replace(context, signing=made, trusted=(ours,))
    fleet.context = replace(context, trusted=(other,))
    before = await load_ledger(context.store(), "prod")
    read = await load_ledger(theirs.store(), "prod")
    entry = replace(read.next(Act("promote", "them"), ()), complete=True)
    await write_entry(theirs.store(), read, entry)
    found = await history(fleet)
    assert not found.problems and [e.sequence for e in found.entries] == [4, 3, 2, 1]
    await rebuild(fleet, "fourth")
    assert not (await promoted(fleet)).fault
    found = await history(fleet, check=True)
    assert not found.problems and [e.act.author for e in found.entries][:2] == ["me@here", "them"]
    for number in (1, 2):  # both continue from where they read, at once
        late = replace(before.next(Act("promote", "late"), ()), sequence=5 + number, complete=True)
        await write_entry((theirs if number == 1 else fleet.context).store(), before, late)
    [problem] = (await history(fleet)).problems
    assert problem.startswith("a fork: ")


async def test_an_environment_without_promotions_has_no_history(fleet: Fleet) -> None:
    found = await read_history(fleet.context, fleet.context.plan.project.environments[2], check=True)
    assert (found.entries, found.problems) == ((), ())
