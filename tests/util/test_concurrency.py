"""Concurrent work."""

from __future__ import annotations

import anyio

from pipeline.util.concurrency import Slots


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
