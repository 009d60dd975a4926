"""Type hints as far as Dagger's SDK asks for them, in place of beartype, a library of three hundred modules."""

import types
import typing
from collections.abc import Sequence


class TypeHint:
    """A type: its arguments, and whether None is one of its values."""

    def __new__(cls, hint):
        union = typing.get_origin(hint) in (typing.Union, types.UnionType)
        return super().__new__(UnionTypeHint if union else cls)

    def __init__(self, hint):
        self.hint = type(None) if hint is None else hint
        self.args = typing.get_args(hint)

    def __len__(self):
        return len(self.args)

    def __contains__(self, other):
        return False

    def is_bearable(self, value):
        """Whether a value is of this type; the SDK asks it for None alone."""
        if value is not None:
            return _real("door").TypeHint(self.hint).is_bearable(value)
        return self.hint in (type(None), typing.Any, object)


class UnionTypeHint(TypeHint):
    """A type that is one of several."""

    def __contains__(self, other):
        return other.hint in self.args

    def is_bearable(self, value):
        """Whether a value is of one of these types."""
        return any(TypeHint(one).is_bearable(value) for one in self.args)


def is_subhint(one, other):
    """Whether all values of a type are of another one."""
    return _real("door").is_subhint(one, other)


def is_id_type_subclass(kind):
    """Whether a type is one of the API's objects."""
    from dagger.client.base import Type

    return isinstance(kind, type) and issubclass(kind, Type)


def is_id_type(value):
    """Whether a value is an object of the API, to be sent as its id."""
    from dagger.client.base import Type

    return isinstance(value, Type) and hasattr(value, "id")


def is_id_type_sequence(value):
    """Whether a value is a sequence of objects of the API."""
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(is_id_type, value))


def modules():
    """What stands in for beartype and for the SDK's use of it, by name."""
    beartype, door, guards = map(types.ModuleType, ("beartype", "beartype.door", "dagger.client._guards"))
    vars(door).update(TypeHint=TypeHint, UnionTypeHint=UnionTypeHint, is_subhint=is_subhint)
    vars(beartype).update(door=door, __path__=[])
    vars(guards).update(
        IDType=typing.Any,
        is_id_type=is_id_type,
        is_id_type_sequence=is_id_type_sequence,
        is_id_type_subclass=is_id_type_subclass,
        typecheck=lambda method: method,
    )
    return {module.__name__: module for module in (beartype, door, guards)}


def _real(name):
    import importlib

    return importlib.import_module(f"beartype.{name}")
