"""Run things side by side, and let their errors out as what they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from pipeline.errors import LockageError


async def together(*functions: Callable[[], Awaitable[Any]]) -> list[Any]:
    """The results of all functions, in their order. The first failure cancels the others.

    Raises the first `LockageError` among the failures bare, other failures as the group they came in.
    """
    results: list[Any] = [None] * len(functions)

    async def one(place: int, function: Callable[[], Awaitable[Any]]) -> None:
        results[place] = await function()

    try:
        async with anyio.create_task_group() as group:
            for place, function in enumerate(functions):
                group.start_soon(one, place, function)
    except BaseExceptionGroup as failures:
        if failures.split(LockageError)[1] is None:
            raise _first(failures) from None
        raise
    return results


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = failures
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
