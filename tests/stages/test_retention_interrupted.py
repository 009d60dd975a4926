"""Retention that is killed, at any of its writes: nothing that stays is harmed, and a rerun completes it."""

from __future__ import annotations

import pytest

from pipeline.registry import Registry
from pipeline.state.retention import load_memory
from tests.registry import killable

from .retention import Yard, killed_before_write

pytestmark = [pytest.mark.real, pytest.mark.anyio]
_MOST = 60


async def test_a_run_that_is_killed_is_completed_by_the_next(host: str) -> None:
    every = 1 if await _lists_referrers(host) else 4  # distribution takes its time; the writes are the same
    killed, number = 0, 1
    while number < _MOST:
        yard = Yard(host)
        old = await yard.push(f"old {number}", "old-1", "old-2")
        kept = await yard.push(f"kept {number}", "keep-1")
        await yard.tag(old.children[0], "keep-child")
        signature = await yard.attach(old.index.descriptor, "signature")
        of_kept = await yard.attach(kept.index.descriptor, "signature of what stays")
        await yard.aged()
        code = await killable.end(killable.start(killed_before_write, yard, number))
        stays = (kept.index, *kept.children, old.children[0], of_kept)
        assert await yard.there(*stays) == [True] * len(stays)
        assert await yard.tags() >= {"keep-1", "keep-child"}
        if code == 0:
            break
        assert code == -9
        killed += 1
        outcome = await yard.apply()
        assert outcome.fault is None and not outcome.broken, number
        assert await yard.tags() == {"keep-1", "keep-child"}
        assert await yard.there(*stays) == [True] * len(stays)
        assert await yard.there(old.index, old.children[1], signature) == [False] * 3, number
        assert all(complete for _, complete in await yard.deletions_recorded())
        async with Registry() as registry:
            assert not (await load_memory(yard.store(registry), yard.repository)).condemned
        number += every
    assert code == 0 and killed >= 15 // every, "the last one was not killed, and many were"


async def _lists_referrers(host: str) -> bool:
    yard = Yard(host)
    image = await yard.push("any", "any")
    async with Registry() as registry:
        return await registry.referrers_by_api(yard.repository, image.index.digest) is not None
