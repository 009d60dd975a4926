"""Counts of requests and bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from pipeline.util.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts so far. `requests` is by method and includes retries and redirects, not token requests."""

    requests: Mapping[str, int]
    bytes_up: int
    bytes_down: int
    retries: int
    tokens: int

    @property
    def total(self) -> int:
        """All requests to registries."""
        return sum(self.requests.values())

    def since(self, earlier: Stats) -> Stats:
        """The difference between an earlier count and this one."""
        methods = {m: n - earlier.requests.get(m, 0) for m, n in self.requests.items()}
        return Stats(
            MappingProxyType({m: n for m, n in methods.items() if n}),
            self.bytes_up - earlier.bytes_up,
            self.bytes_down - earlier.bytes_down,
            self.retries - earlier.retries,
            self.tokens - earlier.tokens,
        )


@dataclass(slots=True)
class Meter:
    """The running counts behind `Stats`."""

    requests: Counter[str] = field(default_factory=Counter)
    bytes_up: int = 0
    bytes_down: int = 0
    retries: int = 0
    tokens: int = 0

    def read(self) -> Stats:
        """The counts now."""
        requests = MappingProxyType(dict(sorted(self.requests.items())))
        return Stats(requests, self.bytes_up, self.bytes_down, self.retries, self.tokens)
