"""`dataclass` as the standard library's, without the cost of methods that nobody calls.

Python compiles six methods of every frozen class when the class is defined, two thirds of a millisecond before any
value exists; a command that starts defines hundreds. Here each method is compiled, by the standard library, when it is
first called. `field`, `fields`, `replace` and `asdict` remain those of `dataclasses`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, kw_only=False, order=False, eq=True):
        """A class whose annotations are its fields: `dataclasses.dataclass`, with these of its options."""

        def decorate(cls):
            own = set(cls.__dict__)
            cls = dataclasses.dataclass(**_NOTHING, slots=slots, kw_only=kw_only)(cls)
            methods = {
                "__init__": _compiled_later(cls, "__init__", init=True, frozen=frozen, slots=slots),
                "__repr__": _compiled_later(cls, "__repr__", repr=True),
            }
            if eq:
                methods["__eq__"] = _compiled_later(cls, "__eq__", eq=True)
                methods["__hash__"] = _compiled_later(cls, "__hash__", unsafe_hash=True) if frozen else None
            if order:
                methods |= {name: _compiled_later(cls, name, eq=True, order=True) for name in _ORDER}
            if frozen:
                methods |= _FROZEN
            for name, method in methods.items():
                if name not in own:
                    setattr(cls, name, method)
            return cls

        return decorate if cls is None else decorate(cls)


_NOTHING: dict[str, Any] = {"init": False, "repr": False, "eq": False}
_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")


def _compiled_later(cls: Any, name: str, **options: bool) -> Callable[..., object]:
    """A method that is replaced by the one that the standard library compiles, when it is first called."""

    def method(self: object, /, *args: object, **kwargs: object) -> object:
        compiled = getattr(_twin(cls, options), name)
        compiled.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, compiled)
        return compiled(self, *args, **kwargs)

    return method


def _twin(cls: Any, options: dict[str, Any]) -> type:
    """A class of the same fields, with the methods that the options ask for."""
    after = {
        "__doc__": "Only for its methods."
    }  # or the library writes one, by reading the signatures of them all
    if hasattr(cls, "__post_init__"):
        after["__post_init__"] = cls.__post_init__
    fields = [(field.name, field.type, field) for field in dataclasses.fields(cls)]
    return dataclasses.make_dataclass(cls.__name__, fields, namespace=after, **_NOTHING | options)


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    raise FrozenInstanceError(f"{type(self).__qualname__}.{name} cannot be assigned or deleted")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


# Of a class whose values do not change; copies and pickles do not go through `__setattr__`.
_FROZEN = {"__setattr__": _refuse, "__delattr__": _refuse, "__getstate__": _state, "__setstate__": _restore}
