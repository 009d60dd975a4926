"""Everything that is reached from a start, step by step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def reachable(start: Iterable[T], neighbours: Callable[[T], Iterable[T]]) -> tuple[T, ...]:
    """The start and what `neighbours` leads to, each once, in the order of the visits (depth first)."""
    visited: dict[T, None] = {}
    waiting = list(start)
    while waiting:
        node = waiting.pop()
        if node not in visited:
            visited[node] = None
            waiting += neighbours(node)
    return tuple(visited)
