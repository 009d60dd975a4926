"""Running a coroutine so that Ctrl-C and SIGTERM stop it in order: sessions closed, locks released."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from pipeline.errors import Interrupted
from pipeline.util.concurrency import first_cause

T = TypeVar("T")


def run(work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work`. Raises Interrupted when a signal stopped it, and what it raises itself."""
    return anyio.run(_guarded, work)


async def _guarded(work: Callable[[], Awaitable[T]]) -> T:
    result: list[T] = []
    stopped: list[int] = []

    async def watch(scope: anyio.CancelScope) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                if stopped:  # the second signal: what is still being closed is left as it is
                    raise Interrupted(
                        "stopped at once", hint="lockage status; then run the same command again"
                    )
                stopped.append(number)
                scope.cancel()

    try:
        async with anyio.create_task_group() as outer:
            with anyio.CancelScope() as scope:
                outer.start_soon(watch, scope)
                result.append(await work())
            outer.cancel_scope.cancel()
    except BaseExceptionGroup as failed:
        raise first_cause(failed) from None
    if stopped and not result:
        raise Interrupted("stopped", hint="run the same command again: finished work is kept")
    return result[0]
