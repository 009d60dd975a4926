"""Which failures are retried, and how long to wait before the next attempt."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import anyio

from .faults import Fault
from .messages import Request
from .settings import ClientSettings

_DROPPED_CONNECTION = 0.1
"""The part of the first delay that is enough after a dropped connection: most often the registry closed an idle one."""
_MIN_JITTER = 0.05
"""Seconds. A host that allows a retry at once still gets the requests spread."""


class RetryPolicy:
    """Exponential backoff with jitter. A host that sent `Retry-After` gets no request from anybody before that time."""

    def __init__(self, settings: ClientSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._not_before: dict[str, float] = {}
        self._asked_for: dict[str, float] = {}
        """Seconds that each host has asked for by Retry-After."""
        self._random = random.Random()

    async def wait_for_host(self, host: str) -> None:
        """Wait until the host accepts requests again."""
        left = self._not_before.get(host, 0.0) - self._clock()
        if left > 0:
            await anyio.sleep(left)

    def delay(self, request: Request, fault: Fault, attempts: int) -> float | None:
        """Seconds before the next attempt after so many; None if the request must not be retried."""
        settings = self._settings
        allowed = {"unreachable": settings.connect_attempts, "slow": settings.slow_attempts}.get(
            fault.kind, settings.attempts
        )
        if not fault.transient or attempts >= min(allowed, request.max_attempts or allowed):
            return None
        if fault.retry_after is not None and not self._affordable(request.host, fault.retry_after):
            return None
        delay = min(settings.backoff_max, settings.backoff * float(2 ** (attempts - 1)))
        delay *= self._random.uniform(0.5, 1.0)
        if fault.kind == "broken" and attempts == 1:
            delay *= _DROPPED_CONNECTION
        if fault.retry_after is not None:
            if fault.status in (429, 503):
                self._block(request.host, fault.retry_after)
            delay = max(fault.retry_after, min(delay, _MIN_JITTER))
        return delay

    def _affordable(self, host: str, seconds: float) -> bool:
        """Whether a wait is short enough by itself and with all others before it; those at the same time count once."""
        now = self._clock()
        added = max(0.0, now + seconds - max(now, self._not_before.get(host, 0.0)))
        total = self._asked_for.get(host, 0.0) + added
        if seconds > self._settings.max_retry_after or total > self._settings.max_retry_after_total:
            return False
        self._asked_for[host] = total
        return True

    def _block(self, host: str, seconds: float) -> None:
        self._not_before[host] = max(self._not_before.get(host, 0.0), self._clock() + seconds)
