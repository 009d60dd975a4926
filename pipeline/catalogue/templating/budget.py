"""What a rendering has used of its limits. Every operation of a template is charged the size of what it reads, and
before it makes anything, the size of that."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.utils import Namespace

from .limits import MAX_DEPTH, MAX_OUTPUT, MAX_STEPS, MAX_WORK

VALUE = 16  # reading one value
NODE = 32  # evaluating one expression
MADE = 4  # one character of a new text
ITEM = 96  # one item of a new list

_SMALL = frozenset((bool, float, type(None)))
_LISTS = (list, tuple, set, frozenset)
_COLLECTIONS = (*_LISTS, KeysView, ValuesView, ItemsView, range)


class OverBudget(SecurityError):
    """A rendering reached one of its limits."""


class Budget:
    """The counters of one rendering."""

    __slots__ = ("steps", "work")

    def __init__(self) -> None:
        self.steps = self.work = 0

    def begin(self) -> None:
        """Start counting for another rendering."""
        self.steps = self.work = 0

    def step(self, count: int = 1) -> None:
        """Count loop turns, calls or includes."""
        self.steps += count
        if self.steps > MAX_STEPS:
            raise OverBudget(f"more than {MAX_STEPS} loop turns and calls")

    def charge(self, work: int) -> None:
        """Count work."""
        self.work += work
        if self.work > MAX_WORK:
            raise OverBudget(f"more than {MAX_WORK // 1_000_000} million units of work")

    def read(self, value: Any, weight: int = 1, depth: int = 0) -> None:
        """Charge a value with everything in it, however often it is in it."""
        kind = type(value)
        if kind is str or isinstance(value, str):
            self.charge((VALUE + len(value)) * weight)
        elif kind is int:
            self.charge((VALUE + value.bit_length()) * weight)
        elif kind in _SMALL:
            self.charge(VALUE * weight)
        elif kind is not dict and isinstance(value, _COLLECTIONS):
            self._read_all(value, len(value), weight, depth)
        elif kind is dict or isinstance(value, Mapping):
            self._read_all(value, len(value), weight, depth)
            self._read_all(value.values(), len(value), weight, depth)
        elif kind is Namespace:
            self.read(object.__getattribute__(value, "_Namespace__attrs"), weight, depth + 1)
        else:
            self.charge(VALUE * weight)

    def _read_all(self, values: Iterable[Any], count: int, weight: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise OverBudget(f"lists and mappings are more than {MAX_DEPTH} levels deep")
        self.charge(VALUE * (1 + count) * weight)
        if type(values) is range:
            return
        texts = 0
        for value in values:
            kind = type(value)
            if kind is str:
                texts += len(value)
            elif kind is int:
                texts += value.bit_length()
            elif kind not in _SMALL:
                self.read(value, weight, depth + 1)
        self.charge(texts * weight)

    def items(self, value: Any) -> list[Any]:
        """The items of any iterable; a `Stream` charges them itself."""
        if isinstance(value, str):
            self.charge(ITEM * len(value))
        elif isinstance(value, (*_COLLECTIONS, Mapping)):
            self.charge(VALUE * (1 + len(value)))
        return list(value)

    def making(self, size: int, what: str) -> None:
        """Charge a text, or a list, of this size, before `what` makes it."""
        if size > MAX_OUTPUT:
            raise OverBudget(f"the result of {what} is too large, more than {MAX_OUTPUT} characters or items")
        if size > 0:
            self.charge(MADE * size)

    def made(self, value: Any, what: str) -> Any:
        """The result of an operation, charged; iterators are charged as they are read."""
        if isinstance(value, str):
            self.making(len(value), what)
        elif isinstance(value, _LISTS):
            self.charge(ITEM * len(value))
        elif isinstance(value, Iterator) and not isinstance(value, Stream):
            return Stream(self, value)
        return value


class Stream:
    """An iterator that charges every item."""

    __slots__ = ("_budget", "_items")

    def __init__(self, budget: Budget, items: Iterator[Any]) -> None:
        self._budget, self._items = budget, items

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Any:
        item = next(self._items)
        self._budget.charge(ITEM)
        self._budget.read(item)
        return item
