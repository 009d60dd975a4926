"""The least that a connection must bring or take, so that a peer that trickles does not hold a run for hours.

Only time spent waiting for the peer counts: a blob that is copied may wait for its other end as long as it likes.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable

import anyio

from pipeline.util.sizes import size_text

from .settings import ClientSettings


class TooSlow(TimeoutError):
    """The peer brings or takes less than it must."""


class Pace:
    """Bytes and seconds of waiting for them, checked once in each window of `ClientSettings.rate_window` seconds."""

    def __init__(self, settings: ClientSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._window, self._clock = settings.min_rate, settings.rate_window, clock
        self._bytes, self._seconds = 0, 0.0

    def add(self, size: int, seconds: float) -> None:
        """Count some bytes, and the seconds that they were waited for; raises TooSlow."""
        self._bytes, self._seconds = self._bytes + size, self._seconds + seconds
        if self._seconds >= self._window:
            if self._bytes < self._rate * self._seconds:
                raise TooSlow(f"{self._bytes} bytes in {self._seconds:.1f} s, less than {_rate(self._rate)}")
            self._bytes, self._seconds = 0, 0.0

    async def watch(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks of a response; raises TooSlow when they come too slowly."""
        started = self._clock()
        async for chunk in chunks:
            self.add(len(chunk), self._clock() - started)
            yield chunk
            started = self._clock()


class Patience:
    """A deadline for the header of a response, later by what the request's content may take; used as `with scope`.

    Once the content was taken, `ClientSettings.header_timeout` is left. While the content is read from its own source,
    there is no deadline.
    """

    def __init__(self, settings: ClientSettings, body: bytes | None) -> None:
        self._settings = settings
        allowed = settings.header_timeout + self._transfer(len(body or b""))
        self.scope = anyio.CancelScope(deadline=anyio.current_time() + allowed)

    async def watch(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks of a request; the deadline moves with each that was taken."""
        settings = self._settings
        self.scope.deadline = math.inf
        async for chunk in chunks:
            self.scope.deadline = anyio.current_time() + settings.rate_window + self._transfer(len(chunk))
            yield chunk
            self.scope.deadline = math.inf
        self.scope.deadline = anyio.current_time() + settings.header_timeout

    def check(self) -> None:
        """After the scope; raises TooSlow if its deadline has passed."""
        if self.scope.cancelled_caught:
            raise TooSlow(
                f"no response within {self._settings.header_timeout:g} s of the request, or its content was taken by "
                f"less than {_rate(self._settings.min_rate)}"
            )

    def _transfer(self, size: int) -> float:
        return size / self._settings.min_rate


async def in_parts(content: bytes, size: int) -> AsyncIterator[bytes]:
    """Bytes in parts of this size."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def _rate(rate: float) -> str:
    return f"{size_text(int(rate))}/s"
