"""References and registries as they are written on the command line, for commands that need no plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.model import Reference

_HINT = "write it as HOST/NAME:TAG or HOST/NAME@sha256:…, such as ghcr.io/acme/app:1.0"


def names_registry(text: str) -> bool:
    """Whether a text is a reference with its registry's host, rather than the name of a target."""
    host, slash, _ = text.partition("/")
    return bool(slash) and (host == "localhost" or "." in host or ":" in host or "@" in text)


def parse_reference(text: str) -> Reference:
    """A reference, its digest preferred to its tag. Raises UsageError."""
    from pipeline.model import Reference

    try:
        reference = Reference.parse(text)
    except ValueError as error:
        raise UsageError(str(error), hint=_HINT) from None
    return reference.by_digest if reference.digest else reference


def parse_destination(text: str) -> Reference:
    """A reference to write to: its digest comes from the content. Raises UsageError."""
    reference = parse_reference(text)
    if reference.digest is not None:
        raise UsageError(
            f"{reference} has a digest, which only its content gives",
            hint="name a tag, or the repository alone",
        )
    return reference


def parse_references(texts: tuple[str, ...]) -> tuple[Reference, ...]:
    """Several references. Raises UsageError."""
    return tuple(parse_reference(text) for text in texts)
