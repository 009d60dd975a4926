"""References as they are typed, for commands that need no plan."""

from __future__ import annotations

from pipeline.errors import UsageError
from pipeline.model import Reference

_HINT = "write it as HOST/NAME:TAG or HOST/NAME@sha256:…, such as ghcr.io/acme/app:1.0"


def parse(text: str) -> Reference:
    """A reference from the command line, its digest preferred to its tag. Raises UsageError."""
    try:
        reference = Reference.parse(text)
    except ValueError as fault:
        raise UsageError(str(fault), hint=_HINT) from None
    return reference.by_digest if reference.digest else reference
