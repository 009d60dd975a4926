"""Concurrent work."""

from __future__ import annotations

import anyio
import anyio.lowlevel

from pipeline.util.concurrency import PriorityLimiter, Slots


def test_slots_are_given_to_one_at_a_time_the_lowest_first() -> None:
    held: set[int] = set()
    given: list[int] = []

    async def work(slots: Slots, rounds: int) -> None:
        async with slots.one() as number:
            assert number not in held
            held.add(number)
            given.append(number)
            for _ in range(rounds):
                await anyio.lowlevel.checkpoint()
            held.remove(number)

    async def main() -> None:
        slots = Slots(3)
        async with anyio.create_task_group() as group:
            for rounds in range(20):
                group.start_soon(work, slots, 1 + rounds % 4)
        await work(slots, 0)

    anyio.run(main)
    assert set(given[:3]) == {0, 1, 2} == set(given) and given[-1] == 0


def test_a_failure_frees_its_slot() -> None:
    async def main() -> int:
        slots = Slots(1)
        try:
            async with slots.one():
                raise ValueError
        except ValueError:
            async with slots.one() as number:
                return number

    assert anyio.run(main) == 0


def test_the_lowest_rank_that_waits_comes_first() -> None:
    admitted: list[int] = []

    async def work(limiter: PriorityLimiter, rank: int) -> None:
        async with limiter.room(rank):
            admitted.append(rank)
            await anyio.lowlevel.checkpoint()

    async def main() -> None:
        limiter = PriorityLimiter(1)
        async with anyio.create_task_group() as group, limiter.room(9):
            for rank in (3, 1, 2, 0):
                group.start_soon(work, limiter, rank)
            await anyio.wait_all_tasks_blocked()
            assert not admitted
            group.start_soon(work, limiter, 8)

    anyio.run(main)
    assert admitted == [0, 1, 2, 3, 8]


def test_room_is_kept_for_whoever_is_expected_to_need_it_first() -> None:
    admitted: list[int] = []

    async def work(limiter: PriorityLimiter, rank: int, needed: anyio.Event, needs: bool) -> None:
        with limiter.expected(rank):
            await needed.wait()
            if needs:
                async with limiter.room(rank):
                    admitted.append(rank)

    async def main() -> None:
        limiter, late, never = PriorityLimiter(2, patience=600), anyio.Event(), anyio.Event()
        at_once = anyio.Event()
        at_once.set()
        async with anyio.create_task_group() as group:
            group.start_soon(work, limiter, 0, never, False)
            group.start_soon(work, limiter, 1, late, True)
            group.start_soon(work, limiter, 2, at_once, True)
            group.start_soon(work, limiter, 3, never, True)
            await anyio.wait_all_tasks_blocked()
            assert admitted == [], "neither 0 nor 1 has decided"
            late.set()
            await anyio.wait_all_tasks_blocked()
            assert admitted == [], "0 has not decided"
            never.set()

    anyio.run(main)
    assert admitted == [1, 2, 3]


def test_room_is_not_kept_for_ever() -> None:
    async def main() -> None:
        limiter = PriorityLimiter(1, patience=0.001)
        with limiter.expected(0):
            async with limiter.room(1):
                pass

    anyio.run(main)


def test_whoever_is_cancelled_leaves_its_room_to_others() -> None:
    admitted: list[int] = []

    async def work(limiter: PriorityLimiter, rank: int) -> None:
        async with limiter.room(rank):
            admitted.append(rank)

    async def main() -> None:
        limiter = PriorityLimiter(1, patience=600)
        async with anyio.create_task_group() as others, anyio.create_task_group() as group, limiter.room(9):
            group.start_soon(work, limiter, 0)
            others.start_soon(work, limiter, 1)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        async with limiter.room(2):
            admitted.append(2)

    anyio.run(main)
    assert admitted == [1, 2]
