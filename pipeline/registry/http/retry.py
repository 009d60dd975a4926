"""Trying again what cannot simply be sent again: writes whose outcome has to be looked at first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import anyio

from pipeline.oci.verify import CorruptContent

from .call import Request, Response
from .faults import Fault, RequestFailed
from .transport import Transport

T = TypeVar("T")
_CORRUPT_TRIES = 3


async def persevere(
    transport: Transport,
    make: Callable[[], Request],
    done: Callable[[Response], T],
    look: Callable[[Fault], Awaitable[T | None]],
    lost: frozenset[str] = frozenset(),
) -> T:
    """Send `make()` once and give `done(answer)`. After a fault that may pass, wait, then `look` whether
    it was carried out all the same: what that gives, unless None, is the result. `lost` are codes
    and statuses after which `look` may find a way, though sending again would not. Raises RequestFailed."""
    tries = 0
    while True:
        tries += 1
        call = make()
        try:
            return done(await transport.call(replace(call, tries=1)))
        except RequestFailed as failed:
            fault = failed.fault
            if fault.code in lost or str(fault.status) in lost:
                fault = replace(fault, kind="broken")
            pause = transport.pacing.pause(call, fault, tries)
            if pause is None:
                raise RequestFailed(call, failed.fault, tries) from failed.__cause__
        except CorruptContent as bad:
            fault, pause = Fault("broken", message=bad.message), 0.0
            if tries >= _CORRUPT_TRIES:
                raise
        transport.meter.retries += 1
        await anyio.sleep(pause)
        found = await look(fault)
        if found is not None:
            return found
