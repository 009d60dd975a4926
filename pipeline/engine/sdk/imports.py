"""Imports Dagger's SDK in half of the time and memory that it takes by itself.

It is used as its authors made it, without what makes no difference here: starting engines, telemetry, functions of
modules, and checks of arguments, for which it imports a library of three hundred modules.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from types import ModuleType, NoneType
from typing import Any, get_args

_VALUES = (str, int, float, bool, NoneType)
_LEFT_OUT = (
    "dagger.provisioning",  # finds and starts an engine, with a progress display; optional for the SDK as well
    "dagger.mod",  # serves functions of a module
    "httpx._main",  # httpx's command line, optional: click, pygments, rich
)


def import_sdk() -> None:
    """Import `dagger`, unless that was done. What is left out can be imported afterwards."""
    if "dagger" in sys.modules:
        return
    with _instead(dict.fromkeys(_LEFT_OUT) | _stand_ins()), _uncollected():
        import dagger  # noqa: F401
        from dagger.client import _core, _session
    import ssl

    if find_spec("sniffio") is None:  # httpcore looks for it four times a request, along the whole path
        sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]  # a documented value
    _core.make_converter = partial(Converter, _core.make_converter)

    # The session is plain HTTP on loopback: no certificates are read, and none is trusted.
    transport = partial(_session.TelemetryTransport, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    _session.TelemetryTransport = transport  # type: ignore[misc, assignment]  # it is only called


def _stand_ins() -> dict[str, ModuleType]:
    """Modules by name: telemetry that is never started, and what tells objects of the API from other arguments."""
    telemetry, beartype, door, guards = map(
        ModuleType, ("dagger.telemetry", "beartype", "beartype.door", "dagger.client._guards")
    )
    vars(telemetry).update(initialize=_nothing)
    vars(beartype).update(door=door, __path__=[])
    vars(door).update(TypeHint=TypeHint)
    vars(guards).update(
        IDType=Any, is_id_type=is_id_type, is_id_type_sequence=is_id_type_sequence, typecheck=_unchanged
    )
    return {module.__name__: module for module in (telemetry, beartype, door, guards)}


class TypeHint:
    """A type of a result, to tell whether there may be none."""

    def __init__(self, hint: Any) -> None:
        self._types = (hint, *get_args(hint))

    def is_bearable(self, value: object) -> bool:
        """Whether the type has None among its values; the SDK asks for no other."""
        return value is None and any(one in (None, NoneType, Any, object) for one in self._types)


class Converter:
    """A context's converter, made when there is an object to read: the SDK makes one for each step of each request,
    which takes a millisecond. Nothing else depends on the context, so one converter serves all of it."""

    _of_all: Any = None

    def __init__(self, make: Callable[[Any], Any], context: Any) -> None:
        self._make, self._context = make, context

    def unstructure(self, value: object) -> Any:
        """Arguments as a request has them."""
        return self._common().unstructure(value)

    def structure(self, value: object, kind: Any) -> Any:
        """A result of this type; objects in a list are in the context."""
        converter = self._make(self._context) if _has_objects(kind) else self._common()
        return converter.structure(value, kind)

    def _common(self) -> Any:
        if Converter._of_all is None:
            Converter._of_all = self._make(None)
        return Converter._of_all


def _has_objects(kind: Any) -> bool:
    """Whether a type is an object of the API or may hold one; str, int and the like, and lists of them, do not."""
    return any(
        not isinstance(one, type) or not issubclass(one, _VALUES) for one in (get_args(kind) or (kind,))
    )


def is_id_type(value: object) -> bool:
    """Whether an argument is an object of the API, to be sent as its id."""
    from dagger.client.base import Type

    return isinstance(value, Type) and hasattr(value, "id")


def is_id_type_sequence(value: object) -> bool:
    """Whether an argument is a sequence of objects of the API."""
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(is_id_type, value))


@contextmanager
def _instead(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """These in place of the modules of their names that nobody has imported; None cannot be imported."""
    missing = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(missing)  # type: ignore[arg-type]  # None is a documented value
    try:
        yield
    finally:
        for name in missing:
            sys.modules.pop(name, None)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of garbage: what is imported stays."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _unchanged(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def _nothing(**_: object) -> None:
    """Starts no telemetry."""
