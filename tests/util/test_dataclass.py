"""`dataclass` with methods that are compiled when first called, beside the standard library's."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from typing import Any

import pytest

from pipeline.util import dataclass as lazy

Decorator = Callable[..., Any]


def shapes(dataclass: Decorator) -> dict[str, Any]:
    """Classes of every kind that the program has."""

    @dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2
        notes: dict[str, int] = field(default_factory=dict, hash=False)
        secret: str = field(default="s", repr=False)
        number: int = field(default=0, compare=False)

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        a: str
        b: str = "b"

    @dataclass(frozen=True, slots=True, order=True)
    class Version:
        major: int
        minor: int = 0

    @dataclass(slots=True)
    class Counter:
        value: int = 0
        seen: list[int] = field(default_factory=list)
        rounds: int = field(default=3, init=False)
        calls: list[int] = field(default_factory=list, init=False)

    @dataclass(frozen=True)
    class Checked:
        low: int
        high: int
        span: int = field(init=False, compare=False)

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("upside down")
            object.__setattr__(self, "span", self.high - self.low)

    @dataclass
    class Lazy:
        name: str = "n"
        made: int = field(default=1, init=False, repr=False)

    @dataclass(frozen=True, slots=True, eq=False)
    class Itself:
        name: str

    @dataclass
    class Own:
        name: str

        def __repr__(self) -> str:
            return "mine"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own) and self.name.lower() == other.name.lower()

    @dataclass(frozen=True, slots=True)
    class Nothing:
        pass

    @dataclass(frozen=True, slots=True)
    class Longer(Version):
        patch: int = 0
        minor: int = 7

    @dataclass(frozen=True)
    class Above:
        self: int
        below: list[int] = field(default_factory=list, kw_only=True)

    class Inherited(Point):
        pass

    return {name: value for name, value in locals().items() if isinstance(value, type)}


NAMES = sorted(shapes(dataclasses.dataclass))
ARGUMENTS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((2, 1), {}),
    ((1, 2), {}),
    ((1, 3), {}),
    (("n",), {}),
    (("N",), {}),
    ((), {"a": "a"}),
    ((), {"a": "a", "c": "c"}),
    ((1, 2, {"k": 1}, "t", 5), {}),
    ((1, 2, {"k": 2}, "t", 6), {}),
]


def attempt(action: Callable[[], object]) -> object:
    """What an action gives, or its error."""
    try:
        return action()
    except (TypeError, ValueError, AttributeError) as error:
        return type(error), "" if isinstance(error, FrozenInstanceError) else str(error)


def outcomes(made: type) -> list[object]:
    """Everything that can be seen of a class's values."""
    tried = [attempt(lambda a=args, k=kwargs: made(*a, **k)) for args, kwargs in ARGUMENTS]
    values = [value for value in tried if isinstance(value, made)]
    out: list[object] = [repr(value) for value in tried]
    for one in values:
        out += [attempt(lambda o=one: hash(o) == hash(made(*[getattr(o, n) for n in names(o)])))]
        out += [attempt(lambda o=one, n=name: setattr(o, n, 1)) for name in names(one)]
        out += [attempt(lambda o=one, n=name: delattr(o, n)) for name in names(one)]
    again = [attempt(lambda a=args, k=kwargs: made(*a, **k)) for args, kwargs in ARGUMENTS]
    values = [value for value in again if isinstance(value, made)]
    for one in values:
        out.append(attempt(lambda o=one: copy.copy(o) == o))
        for other in values:
            out += [attempt(lambda o=one, p=other: o == p), attempt(lambda o=one, p=other: o < p)]
            out += [attempt(lambda o=one, p=other: o >= p)]
    return out


def names(value: Any) -> list[str]:
    return [each.name for each in dataclasses.fields(value) if each.init]


@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_the_standard_library(name: str) -> None:
    standard, ours = shapes(dataclasses.dataclass)[name], shapes(lazy.dataclass)[name]
    assert outcomes(ours) == outcomes(standard)
    assert outcomes(ours) == outcomes(standard), "once everything is compiled"
    assert getattr(ours, "__slots__", None) == getattr(standard, "__slots__", None)
    assert ours.__match_args__ == standard.__match_args__
    assert signature(ours) == signature(standard)


def signature(made: type) -> list[tuple[str, object, object]]:
    """The parameters of a class: a factory's default is an object that says nothing."""
    return [
        (
            each.name,
            each.kind,
            each.default if isinstance(each.default, str | int) else each.default is each.empty,
        )
        for each in inspect.signature(made).parameters.values()
    ]


def test_a_method_is_compiled_when_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    compiled, initialiser = lazy.dataclasses.make_dataclass, lazy._initialiser
    monkeypatch.setattr(
        lazy.dataclasses, "make_dataclass", lambda *a, **k: made.append(a[0]) or compiled(*a, **k)
    )
    monkeypatch.setattr(
        lazy, "_initialiser", lambda c, n: made.append(f"{c.__name__}()") or initialiser(c, n)
    )
    point = shapes(lazy.dataclass)["Point"]
    assert not made
    one = point(1)
    point(2)
    assert made == ["Point()"]
    assert one != point(2) and one == point(1)
    assert made == ["Point()", "Point"]


def test_the_tools_of_dataclasses_take_them() -> None:
    point = shapes(lazy.dataclass)["Point"]
    one = point(1, notes={"a": 1})
    assert dataclasses.is_dataclass(one)
    assert dataclasses.replace(one, y=3) == point(1, 3, {"a": 1})
    assert dataclasses.asdict(one)["notes"] == {"a": 1}
    assert [each.name for each in dataclasses.fields(point)] == ["x", "y", "notes", "secret", "number"]
    match one:
        case point(1, y):  # type: ignore[misc]
            assert y == 2


@lazy.dataclass(frozen=True, slots=True)
class Kept:
    """A class that a pickle can name."""

    name: str
    parts: tuple[int, ...] = ()


def test_a_pickle_and_a_deep_copy_are_equal() -> None:
    kept = Kept("a", (1, 2))
    assert pickle.loads(pickle.dumps(kept)) == kept
    assert copy.deepcopy(kept) == kept
    with pytest.raises(FrozenInstanceError, match=r"Kept\.name"):
        kept.name = "b"  # type: ignore[misc]
