"""The least rate of a connection: counted over whole windows of waiting, with a clock of the test."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator

import anyio
import pytest

from pipeline.registry import ClientSettings
from pipeline.registry.http.faults import Fault
from pipeline.registry.http.messages import Request
from pipeline.registry.http.pace import Pace, Patience, TooSlow
from pipeline.registry.http.retry import RetryPolicy

SETTINGS = ClientSettings(min_rate=100, rate_window=10)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_just_enough_in_each_window_is_enough() -> None:
    pace = Pace(SETTINGS)
    for _ in range(1000):
        pace.add(500, 5.0)


def test_a_little_less_in_one_window_is_too_slow() -> None:
    pace = Pace(SETTINGS)
    pace.add(10**9, 10.0)  # what was fast once does not count for later
    pace.add(500, 5.0)
    with pytest.raises(TooSlow, match=r"999 bytes in 10.0 s, less than 100 bytes/s"):
        pace.add(499, 5.0)


def test_a_burst_after_a_pause_is_seen_with_it() -> None:
    Pace(SETTINGS).add(1000, 10.0)
    Pace(SETTINGS).add(6000, 60.0)
    with pytest.raises(TooSlow):
        Pace(SETTINGS).add(5999, 60.0)


@pytest.mark.anyio
async def test_only_waiting_for_the_peer_counts() -> None:
    clock = Clock()

    async def peer() -> AsyncIterator[bytes]:
        for _ in range(100):
            clock.now += 1
            yield b"x" * 100

    async for _ in Pace(SETTINGS, clock).watch(peer()):
        clock.now += 3600  # the other end of a copy


@pytest.mark.anyio
async def test_one_byte_every_few_seconds_is_too_slow() -> None:
    clock, received = Clock(), []

    async def peer() -> AsyncIterator[bytes]:
        while True:
            clock.now += 3
            yield b"x"

    with pytest.raises(TooSlow, match=r"4 bytes in 12\.0 s"):
        async for chunk in Pace(SETTINGS, clock).watch(peer()):
            received.append(chunk)
    assert len(received) == 3


@pytest.mark.anyio
async def test_the_deadline_of_a_request_waits_for_its_source() -> None:
    """And moves with what the peer has taken."""
    settings, deadlines = ClientSettings(min_rate=10, rate_window=1000, header_timeout=7000), []

    async def source() -> AsyncIterator[bytes]:
        for _ in range(2):
            deadlines.append(patience.scope.deadline)
            yield b"x" * 20_000
        deadlines.append(patience.scope.deadline)

    patience = Patience(settings, None)
    assert 6900 < patience.scope.deadline - anyio.current_time() <= 7000
    with patience.scope:
        async for _ in patience.watch(source()):
            assert 2900 < patience.scope.deadline - anyio.current_time() <= 3000
        assert 6900 < patience.scope.deadline - anyio.current_time() <= 7000
    assert deadlines == [math.inf] * 3
    patience.check()


def _waits(host: str, *seconds: float, clock: Clock, policy: RetryPolicy) -> list[bool]:
    """Which of these Retry-After are waited for, one after the other."""
    waited = []
    for wanted in seconds:
        fault = Fault("refused", 429, retry_after=wanted)
        delay = policy.delay(Request("GET", host, "/v2/", "pinging", host), fault, 1)
        waited.append(delay is not None)
        clock.now += delay or 0
    return waited


def test_all_that_a_host_asks_to_wait_is_bounded() -> None:
    clock = Clock()
    policy = RetryPolicy(ClientSettings(max_retry_after=100, max_retry_after_total=250), clock)
    assert _waits("a", 100, 101, 100, 50, 1, clock=clock, policy=policy) == [True, False, True, True, False]
    assert _waits("b", 100, clock=clock, policy=policy) == [True]


def test_waits_of_many_requests_at_the_same_time_count_once() -> None:
    clock = Clock()
    policy = RetryPolicy(ClientSettings(max_retry_after=100, max_retry_after_total=150), clock)
    request, fault = Request("GET", "a", "/v2/", "pinging", "a"), Fault("refused", 429, retry_after=100)
    assert all(policy.delay(request, fault, 1) is not None for _ in range(50))
