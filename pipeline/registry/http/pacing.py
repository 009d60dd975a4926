"""When a request is tried again, and how long to wait before."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import anyio

from .call import Request
from .faults import Fault
from .settings import ClientSettings


class Pacing:
    """Exponential backoff with jitter; a host that asked for quiet is left alone by everyone until then."""

    def __init__(self, settings: ClientSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._until: dict[str, float] = {}
        self._random = random.Random()

    async def quiet(self, host: str) -> None:
        """Wait until the host may be asked again."""
        left = self._until.get(host, 0.0) - self._clock()
        if left > 0:
            await anyio.sleep(left)

    def pause(self, call: Request, fault: Fault, tries: int) -> float | None:
        """Seconds before the next try; None where another would not help or has been asked for too often."""
        settings = self._settings
        most = settings.connect_attempts if fault.kind == "unreachable" else settings.attempts
        if not fault.transient or tries >= min(most, call.tries or most):
            return None
        if fault.retry_after is not None and fault.retry_after > settings.patience:
            return None
        wait = min(settings.backoff_max, settings.backoff * 2 ** (tries - 1))
        wait *= self._random.uniform(0.5, 1.0)
        if fault.kind == "broken" and tries == 1:
            wait /= 10  # most often a kept connection that the registry had closed meanwhile
        if fault.retry_after is not None:
            if fault.status in (429, 503):
                self._until[call.host] = max(
                    self._until.get(call.host, 0.0), self._clock() + fault.retry_after
                )
            wait = max(fault.retry_after, min(wait, 0.05))
        return wait
