"""Names of a package that are imported on first use (PEP 562), so that the program starts quickly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def names(package: str, submodules: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """The `__getattr__` of a package that exports names of its submodules; `submodules` maps each to its names.

    The package defines it `if not TYPE_CHECKING`: a type checker would find any name in a package that has one.
    """
    submodule_of = {name: home for home, exported in submodules.items() for name in exported}

    def get(name: str) -> Any:
        if name not in submodule_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{submodule_of[name]}"), name)
        setattr(import_module(package), name, value)  # the next access does not call this function
        return value

    return get
