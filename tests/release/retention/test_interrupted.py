"""Retention that is killed, at any of its writes, or disturbed: nothing that stays is harmed, and a rerun completes
it."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from pipeline.errors import LockageError
from pipeline.registry import Registry
from pipeline.state.retention import load_memory
from tests.registry.fault_proxy import faulty
from tests.registry.interrupted import killable

from .repository import Yard, killed_before_write

pytestmark = [pytest.mark.real, pytest.mark.anyio]
_MOST = 60
_SEEDS = 20  # --seeds tries more
_FAULTS = ("reset", "reset after", "500", "500 after", "503", "truncated", "corrupt", "429 with Retry-After")


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


async def test_a_run_that_is_disturbed_is_completed_by_the_next(olareg: str, seeds: int | None) -> None:
    """By fixed seeds: the registry refuses, drops or garbles requests now and then, or is down from one of them on."""
    ended: Counter[str] = Counter()
    tried = seeds or _SEEDS
    async with faulty(olareg) as proxy:
        for seed in range(tried):
            chance = random.Random(seed)
            yard = Yard(proxy.host)
            old = await yard.push(f"old {seed}", "old-1", "old-2")
            kept = await yard.push(f"kept {seed}", "keep-1")
            await yard.tag(old.children[0], "keep-child")
            signature = await yard.attach(old.index.descriptor, "signature")
            of_kept = await yard.attach(kept.index.descriptor, "signature of what stays")
            await yard.aged()
            if seed % 2:
                proxy.every(chance.randint(1, 12), *chance.sample(_FAULTS, 3))
            else:
                down, kind = len(proxy.asked) + chance.randint(1, 60), chance.choice(("reset", "500 after"))
                proxy.plan = lambda number, request, down=down, kind=kind: kind if number >= down else None  # type: ignore[misc]
            try:
                outcome = await yard.apply()
                ended["with a fault" if outcome.fault else "without"] += 1
            except LockageError:
                ended["refused"] += 1
            finally:
                proxy.plan = lambda number, request: None
            await proxy.settled()
            stays = (kept.index, *kept.children, old.children[0], of_kept)
            assert await yard.there(*stays) == [True] * len(stays), seed
            assert await yard.tags() >= {"keep-1", "keep-child"}, seed
            outcome = await yard.apply()
            assert outcome.fault is None and not outcome.broken, seed
            assert await yard.tags() == {"keep-1", "keep-child"}, seed
            assert await yard.there(*stays) == [True] * len(stays), seed
            assert await yard.there(old.index, old.children[1], signature) == [False] * 3, seed
            assert all(complete for _, complete in await yard.deletions_recorded())
    print(f"{tried} seeds: {dict(ended)}")
    assert ended["without"] * 4 > tried and (ended["refused"] + ended["with a fault"]) * 4 > tried, ended


async def _lists_referrers(host: str) -> bool:
    yard = Yard(host)
    image = await yard.push("any", "any")
    async with Registry() as registry:
        return await registry.referrers_by_api(yard.repository, image.index.digest) is not None
