"""Several things at once, with results in the order asked and the cause instead of a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio

T = TypeVar("T")
A = TypeVar("A")


async def each(work: Callable[[A], Awaitable[T]], items: Iterable[A]) -> list[T]:
    """`work` for every item at once. The first failure cancels the others and is raised itself."""
    todo = list(items)
    if len(todo) == 1:
        return [await work(todo[0])]
    results: dict[int, T] = {}

    async def one(place: int, item: A) -> None:
        results[place] = await work(item)

    try:
        async with anyio.create_task_group() as group:
            for place, item in enumerate(todo):
                group.start_soon(one, place, item)
    except BaseExceptionGroup as failed:
        raise first_cause(failed) from None
    return [results[place] for place in range(len(todo))]


def first_cause(failed: BaseExceptionGroup) -> BaseException:
    """The first exception in a group that is not itself a group."""
    inner: BaseException = failed
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return inner
