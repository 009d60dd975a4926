"""Trying again what cannot simply be sent again: writes whose outcome has to be looked at first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import anyio

from .call import Answer, Call
from .faults import CallFailed, Fault
from .transport import Transport

T = TypeVar("T")


async def persevere(
    transport: Transport,
    make: Callable[[], Call],
    done: Callable[[Answer], T],
    look: Callable[[Fault], Awaitable[T | None]],
    lost: frozenset[int] = frozenset(),
) -> T:
    """Send `make()` once and give `done(answer)`. After a fault that may pass, wait, then `look` whether
    it was carried out all the same: what that gives, unless None, is the result. `lost` are statuses that
    mean that an upload has to be begun anew, as after a restart of the registry. Raises CallFailed."""
    tries = 0
    while True:
        tries += 1
        call = make()
        try:
            return done(await transport.call(replace(call, tries=1)))
        except CallFailed as failed:
            broken = replace(failed.fault, kind="broken") if failed.fault.status in lost else failed.fault
            pause = transport.pacing.pause(call, broken, tries)
            if pause is None:
                raise CallFailed(call, failed.fault, tries) from failed.__cause__
            fault = failed.fault
        transport.meter.retries += 1
        await anyio.sleep(pause)
        found = await look(fault)
        if found is not None:
            return found
