"""What a forge refuses, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import RegistryError
from pipeline.registry.http.faults import RequestFailed

_NOT_ALLOWED = frozenset({401, 403, 404})


@contextmanager
def explained(forge: str, hint: str) -> Iterator[None]:
    """Give `hint` to whoever has no right, and make responses without the documented fields an error."""
    try:
        yield
    except RequestFailed as failed:
        if failed.fault.status in _NOT_ALLOWED:
            failed.hint = hint
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise RegistryError(
            f"{forge} sent a response without what its API documents: {type(fault).__name__} {fault}"[:300],
            hint="is the API's address that of another program?",
        ) from fault
