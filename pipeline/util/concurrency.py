"""Concurrent work: results in the order of the items, and the cause of a failure instead of a group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import field
from heapq import heapify, heappop, heappush
from typing import Any, TypeVar

import anyio

from pipeline.errors import LockageError

from .dataclass import dataclass

T = TypeVar("T")
A = TypeVar("A")


class Slots:
    """Numbered places, each for one at a time; the lowest free number first."""

    def __init__(self, count: int) -> None:
        self._free = list(range(count))
        self._limiter = anyio.CapacityLimiter(count)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[int]:
        """A number from 0 that nobody else has meanwhile; waits for one."""
        async with self._limiter:
            number = heappop(self._free)
            try:
                yield number
            finally:
                heappush(self._free, number)


class PriorityLimiter:
    """Room for `count` at once; of those that wait, the lowest rank comes first.

    Whoever finds out whether it needs room announces itself with `expected`. Room that a higher rank could take is
    kept for it, but for no more than `patience` seconds.
    """

    def __init__(self, count: int, patience: float = 0.2) -> None:
        self._free, self._patience = count, patience
        self._waiting: list[_Waiting] = []
        self._expected: set[int] = set()

    @contextmanager
    def expected(self, rank: int) -> Iterator[None]:
        """Within, the caller of this rank may ask for room. Ranks are unique."""
        self._expected.add(rank)
        try:
            yield
        finally:
            self._expected.discard(rank)
            self._serve()

    @asynccontextmanager
    async def room(self, rank: int) -> AsyncIterator[None]:
        """Room for the caller; waits for it."""
        self._expected.discard(rank)
        waiting = _Waiting(rank, anyio.Event())
        heappush(self._waiting, waiting)
        self._serve()
        try:
            with anyio.move_on_after(self._patience):
                await waiting.admitted.wait()
            waiting.patient = False
            self._serve()
            await waiting.admitted.wait()
            yield
        finally:
            if waiting.admitted.is_set():
                self._free += 1
            else:
                self._waiting.remove(waiting)
                heapify(self._waiting)
            self._serve()

    def _serve(self) -> None:
        while self._free and self._waiting:
            first = min(self._expected, default=self._waiting[0].rank)
            if first < self._waiting[0].rank and all(waiting.patient for waiting in self._waiting):
                return
            heappop(self._waiting).admitted.set()
            self._free -= 1


@dataclass(slots=True, order=True)
class _Waiting:
    rank: int
    admitted: anyio.Event = field(compare=False)
    patient: bool = field(default=True, compare=False)


async def each(work: Callable[[A], Awaitable[T]], items: Iterable[A]) -> list[T]:
    """The results of `work` for all items, run at once. The first failure cancels the others and is raised itself."""
    todo = list(items)
    if len(todo) == 1:
        return [await work(todo[0])]
    results: dict[int, T] = {}

    async def run(number: int, item: A) -> None:
        results[number] = await work(item)

    try:
        async with anyio.create_task_group() as group:
            for number, item in enumerate(todo):
                group.start_soon(run, number, item)
    except BaseExceptionGroup as failed:
        raise first_cause(failed) from None
    return [results[number] for number in range(len(todo))]


async def both(first: Callable[[], Awaitable[T]], second: Callable[[], Awaitable[A]]) -> tuple[T, A]:
    """The results of two functions run at once. The first failure cancels the other and is raised itself."""
    firsts: list[T] = []
    seconds: list[A] = []

    async def run_first() -> None:
        firsts.append(await first())

    async def run_second() -> None:
        seconds.append(await second())

    await each(lambda run: run(), (run_first, run_second))
    return firsts[0], seconds[0]


async def run_together(*functions: Callable[[], Awaitable[Any]]) -> list[Any]:
    """The results of all functions, in their order. The first failure cancels the others.

    Raises the first failure bare if every failure is a `LockageError`, the whole group otherwise.
    """
    results: list[Any] = [None] * len(functions)

    async def run(number: int, function: Callable[[], Awaitable[Any]]) -> None:
        results[number] = await function()

    try:
        async with anyio.create_task_group() as group:
            for number, function in enumerate(functions):
                group.start_soon(run, number, function)
    except BaseExceptionGroup as failures:
        if failures.split(LockageError)[1] is None:
            raise first_cause(failures) from None
        raise
    return results


def first_cause(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first exception in a group that is not itself a group."""
    inner: BaseException = failed
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return inner
