"""Reading from the next registry where one cannot be reached or has lost something."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pipeline.errors import RegistryError
from pipeline.model import Fallbacks, Reference

T = TypeVar("T")


async def first_found(
    fallbacks: Fallbacks, reference: Reference, read: Callable[[Reference], Awaitable[T | None]]
) -> tuple[Reference, T] | None:
    """What `read` gives of a reference or, where that is nothing or fails, of the first fallback that has it; with the
    reference that it is of. None where the registry itself has nothing, and no fallback either.

    Raises RegistryError where the registry itself failed.
    """
    fault: RegistryError | None = None
    for place in (reference, *fallbacks.of(reference)):
        try:
            result = await read(place)
        except RegistryError as failed:
            fault = failed if place == reference else fault
            continue
        if result is not None:
            return place, result
    if fault:
        raise fault
    return None
