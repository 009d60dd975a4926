"""Which failures are retried, and after how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.registry import ClientSettings
from pipeline.registry.http.faults import Fault
from pipeline.registry.http.messages import Request
from pipeline.registry.http.retry import RetryPolicy

REQUEST = Request("GET", "registry.example", "/v2/", "reading", "registry.example/app:1")
SETTINGS = ClientSettings(attempts=4, connect_attempts=2, backoff=1.0, backoff_max=3.0, max_retry_after=60.0)


def policy() -> RetryPolicy:
    return RetryPolicy(SETTINGS, clock=lambda: 100.0)


@pytest.mark.parametrize(
    ("fault", "retried"),
    [
        (Fault("refused", 503), True),
        (Fault("refused", 429, "TOOMANYREQUESTS"), True),
        (Fault("refused", 500, message="write /blobs: no space left on device"), False),
        (Fault("refused", 401), False),
        (Fault("refused", 404), False),
        (Fault("unreachable"), True),
        (Fault("broken"), True),
        (Fault("invalid", 200), False),
        (Fault("untrusted"), False),
        (Fault("refused", 429, retry_after=61.0), False),
    ],
)
def test_what_is_retried(fault: Fault, retried: bool) -> None:
    assert (policy().delay(REQUEST, fault, 1) is not None) is retried


@pytest.mark.parametrize(
    ("fault", "attempts"), [(Fault("refused", 503), 4), (Fault("broken"), 4), (Fault("unreachable"), 2)]
)
def test_attempts_are_limited(fault: Fault, attempts: int) -> None:
    assert policy().delay(REQUEST, fault, attempts - 1) is not None
    assert policy().delay(REQUEST, fault, attempts) is None
    assert policy().delay(replace(REQUEST, max_attempts=1), fault, 1) is None


@pytest.mark.parametrize(("attempts", "longest"), [(1, 1.0), (2, 2.0), (3, 3.0)])
def test_delays_grow_up_to_a_maximum(attempts: int, longest: float) -> None:
    delays = [policy().delay(REQUEST, Fault("refused", 503), attempts) for _ in range(50)]
    assert all(delay is not None and longest / 2 <= delay <= longest for delay in delays)
    assert len(set(delays)) > 1, "jitter"


def test_a_dropped_connection_is_retried_soon_once() -> None:
    first, second = (policy().delay(REQUEST, Fault("broken"), attempts) for attempts in (1, 2))
    assert first is not None and second is not None and first <= 0.1 and second >= 1.0


def test_retry_after_is_respected() -> None:
    assert policy().delay(REQUEST, Fault("refused", 429, retry_after=30.0), 1) == 30.0
    at_once = policy().delay(REQUEST, Fault("refused", 429, retry_after=0.0), 1)
    assert at_once is not None and 0 < at_once <= 0.05


@pytest.mark.anyio
async def test_a_host_that_sent_retry_after_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("anyio.sleep", sleep)
    retries = policy()
    retries.delay(REQUEST, Fault("refused", 429, retry_after=30.0), 1)
    retries.delay(REQUEST, Fault("refused", 503, retry_after=5.0), 1)
    await retries.wait_for_host("registry.example")
    await retries.wait_for_host("other.example")
    assert slept == [30.0]
