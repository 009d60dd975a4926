"""Signing that ends between signature and attachment, and registries that misbehave meanwhile: nothing is believed that
is not whole, a rerun attaches what is missing, and nothing is attached twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import LockageError
from pipeline.model import Digest
from pipeline.registry import Registry
from pipeline.release.promote import Promotions
from pipeline.run import Stage, run
from pipeline.trust import PublicKey, Verification, examine
from tests.registry.fault_proxy import faulty
from tests.release.cuts import Cut, cut_at_write
from tests.stages.fleet import PUBLIC, Fleet, make_fleet, plan, provide

pytestmark = [pytest.mark.real, pytest.mark.anyio]

KEY = PublicKey(PUBLIC, "test")
OF_INDEX, OF_PLATFORM = 6, 7
_STEP = 5


async def fleet_of(host: str, registry: Registry, folder: Path) -> Fleet:
    """An image tag of two platforms, built and examined, with provenance and results of tests."""
    made = await make_fleet(registry, plan(host), folder)
    await provide(made)
    return made


async def attached(fleet: Fleet, registry: Registry, index: Digest) -> list[Verification]:
    """What is attached to an index and to its platforms; nothing where it does not exist."""
    repository = fleet.context.first_repository("app")
    manifest = await registry.get_manifest(repository.at(index))
    if manifest is None:
        return []
    digests = (index, *(child.digest for child in manifest.children))
    return [await examine(registry, repository, digest, KEY) for digest in digests]


async def signed(fleet: Fleet) -> Digest:
    """The index that a run signs."""
    (image,) = (await fleet.run(Stage.SIGN)).images
    assert image.signed and image.index, image
    return image.index


def assert_whole(seen: Sequence[Verification]) -> None:
    """Everything is there once."""
    assert [len(one.statements) for one in seen] == [OF_INDEX, OF_PLATFORM, OF_PLATFORM]
    for one in seen:
        assert set(Counter(s.to_json() for s in one.statements).values()) == {1}
        assert one.signed and not one.refused


async def test_signing_that_ends_at_any_write_is_completed_by_the_next_run(
    olareg: str, registry: Registry, tmp_path: Path
) -> None:
    index = await signed(await fleet_of(olareg, registry, tmp_path))
    number, cuts = 1, 0
    while True:
        fleet = await fleet_of(olareg, registry, tmp_path)
        if not await ends(fleet, number):
            break
        cuts, number = cuts + 1, number + _STEP
        seen = await attached(fleet, registry, index)
        if seen and seen[0].signed:  # the last that is attached
            assert_whole(seen)
        else:
            first, prod = fleet.context.plan.project.environments[:2]
            with pytest.raises(LockageError):
                await Promotions(replace(fleet.context, registry=registry), first, [prod]).perform()
        assert await signed(fleet) == index
        assert_whole(await attached(fleet, registry, index))
    assert cuts > 10


async def ends(fleet: Fleet, number: int) -> bool:
    """Whether a run comes as far as its n-th write; there it ends."""
    async with Registry() as registry:
        cut_at_write(registry, number)
        try:
            await run(replace(fleet.context, registry=registry), Stage.SIGN, ())
        except (Cut, BaseExceptionGroup):
            return True
    return False


@pytest.mark.parametrize("kind", ["reset", "reset after", "500 after"])
async def test_a_registry_that_misbehaves_gets_every_statement_once(
    olareg: str, registry: Registry, tmp_path: Path, kind: str
) -> None:
    """An answer that is lost may have been a write that was made: it is not made twice under another digest."""
    async with faulty(olareg) as proxy:
        fleet = await fleet_of(proxy.host, registry, tmp_path)
        proxy.every(6, kind)
        index = await signed(fleet)
        assert len(proxy.made) > 5
        proxy.plan = lambda number, request: None
        assert_whole(await attached(fleet, registry, index))
