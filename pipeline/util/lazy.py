"""Names of a package that are imported when they are asked for (PEP 562), so that starting costs little."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def names(package: str, homes: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """A package's `__getattr__`: `homes` maps each submodule to the names that are its package's, too."""
    home_of = {name: home for home, known in homes.items() for name in known}

    def get(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{home_of[name]}"), name)
        setattr(import_module(package), name, value)  # the next look-up does not come here
        return value

    return get
