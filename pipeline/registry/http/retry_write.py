"""Retries of writes that must not simply be sent again: whether the last attempt took effect is checked first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Generic, TypeVar

import anyio

from pipeline.oci.verify import CorruptContent
from pipeline.util.dataclass import dataclass

from .faults import Fault, RequestFailed
from .messages import Request, Response
from .transport import Transport

T = TypeVar("T")
_CORRUPT_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Write(Generic[T]):
    """A write: its request, the meaning of its response, and the check before it is sent again.

    `check` gets the fault. It returns the result if the write took effect, None if it is to be sent again; `request`
    is called for each attempt, so that `check` may change where it goes. `checked_codes` are error codes and statuses
    that are retried through `check`, though sending the same request again would not help.
    """

    request: Callable[[], Request]
    result: Callable[[Response], T]
    check: Callable[[Fault], Awaitable[T | None]]
    checked_codes: frozenset[str] = frozenset()


async def retry_write(transport: Transport, write: Write[T]) -> T:
    """Send a write until it succeeds, or its check finds that it took effect. Raises RequestFailed."""
    attempts = 0
    while True:
        attempts += 1
        request = write.request()
        delay: float | None
        try:
            return write.result(await transport.send(replace(request, max_attempts=1)))
        except RequestFailed as failed:
            fault = failed.fault
            if fault.code in write.checked_codes or str(fault.status) in write.checked_codes:
                fault = replace(fault, kind="broken")
            delay = transport.retries.delay(request, fault, attempts)
            if delay is None:
                raise RequestFailed(request, failed.fault, attempts) from failed.__cause__
        except CorruptContent as corrupt:
            fault, delay = Fault("broken", message=corrupt.message), 0.0
            if attempts >= _CORRUPT_ATTEMPTS:
                raise
        transport.meter.retries += 1
        await anyio.sleep(delay)
        result = await write.check(fault)
        if result is not None:
            return result
