"""`dataclass` as the standard library's, without the cost of methods that nobody calls.

Python compiles six methods of every frozen class when the class is defined, two thirds of a millisecond before any
value exists; a command that starts defines hundreds. Here each method is compiled when it is first called. All but
`__init__` are the standard library's, whose `__init__` of a frozen class comes with two more methods and assigns each
field by name, which takes twice as long as by its slot. `field`, `fields`, `replace` and `asdict` remain those of
`dataclasses`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError
from types import MemberDescriptorType
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
                "__init__": _compiled_later(cls, "__init__", _initialiser),
                "__repr__": _compiled_later(cls, "__repr__", _from_twin(repr=True)),
            }
            if eq:
                methods["__eq__"] = _compiled_later(cls, "__eq__", _from_twin(eq=True))
                hashed = _from_twin(unsafe_hash=True)
                methods["__hash__"] = _compiled_later(cls, "__hash__", hashed) if frozen else None
            if order:
                ordered = _from_twin(eq=True, order=True)
                methods |= {name: _compiled_later(cls, name, ordered) for name in _ORDER}
            if frozen:
                methods |= _FROZEN
            for name, method in methods.items():
                if name not in own:
                    setattr(cls, name, method)
            return cls

        return decorate if cls is None else decorate(cls)


_NOTHING: dict[str, Any] = {"init": False, "repr": False, "eq": False}
_Compiler = Callable[[Any, str], Any]
_FACTORY = object()  # the default of a parameter whose field has a factory
_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")


def _compiled_later(cls: Any, name: str, compiler: _Compiler) -> Callable[..., object]:
    """A method that is replaced by what `compiler` makes of its class, when it is first called."""

    def method(self: object, /, *args: object, **kwargs: object) -> object:
        compiled = compiler(cls, name)
        compiled.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, compiled)
        return compiled(self, *args, **kwargs)

    return method


def _initialiser(cls: Any, name: str) -> Any:
    """`__init__` as the standard library has it: parameters, defaults, order of assignment, `__post_init__`."""
    fields = dataclasses.fields(cls)
    own = "__self" if any(field.name == "self" for field in fields) else "self"
    scope: dict[str, Any] = {"__name__": cls.__module__, "__missing": _FACTORY, "__set": object.__setattr__}
    positional, named, body = [own], list[str](), list[str]()
    for field in fields:
        parameter, value = field.name, field.name
        if field.default_factory is not MISSING:
            scope[f"__make_{field.name}"] = field.default_factory
            parameter += "=__missing"
            value = f"__make_{field.name}()"
            if field.init:
                value += f" if {field.name} is __missing else {field.name}"
        elif field.default is not MISSING:
            scope[f"__default_{field.name}"] = field.default
            parameter += f"=__default_{field.name}"
            value = field.name if field.init else f"__default_{field.name}"
        elif not field.init:
            continue  # for `__post_init__`
        if field.init:
            (named if field.kw_only else positional).append(parameter)
        slot = _slot(cls, field.name)
        if slot is None:
            body.append(f" __set({own}, {field.name!r}, {value})")
        else:
            scope[f"__set_{field.name}"] = slot.__set__
            body.append(f" __set_{field.name}({own}, {value})")
    if hasattr(cls, "__post_init__"):
        body.append(f" {own}.__post_init__()")
    parameters = ", ".join([*positional, *(["*", *named] if named else [])])
    exec(f"def {name}({parameters}):\n" + ("\n".join(body) or " pass"), scope)
    return scope[name]


def _slot(cls: type, name: str) -> MemberDescriptorType | None:
    attribute = next((base.__dict__[name] for base in cls.__mro__ if name in base.__dict__), None)
    return attribute if isinstance(attribute, MemberDescriptorType) else None


def _from_twin(**options: bool) -> _Compiler:
    """The methods of a class of the same fields, to which the standard library gave those that the options ask for."""

    def compiled(cls: Any, name: str) -> Any:
        # Without a docstring the library writes one, by reading the signatures of all methods.
        after = {"__doc__": "Only for its methods."}
        fields = [(field.name, field.type, field) for field in dataclasses.fields(cls)]
        twin = dataclasses.make_dataclass(cls.__name__, fields, namespace=after, **_NOTHING | options)
        return getattr(twin, name)

    return compiled


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    raise FrozenInstanceError(f"{type(self).__qualname__}.{name} cannot be assigned or deleted")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


# Of a class whose values do not change; copies and pickles do not go through `__setattr__`.
_FROZEN = {"__setattr__": _refuse, "__delattr__": _refuse, "__getstate__": _state, "__setstate__": _restore}
