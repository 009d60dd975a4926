"""Functions of a Dagger module that have an effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dagger import function

Method = TypeVar("Method", bound=Callable[..., object])


def uncached(method: Method) -> Method:
    """A function that runs at every call: the engine would give the result of an equal call for up to seven days."""
    decorator: Callable[..., Callable[[Method], Method]] = function  # its overloads do not declare `cache`
    return decorator(cache="never")(method)
