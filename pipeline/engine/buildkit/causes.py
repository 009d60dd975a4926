"""What an error of BuildKit is about, where the message alone does not say."""

from __future__ import annotations

import re

from pipeline.dockerfile.instructions import scanned
from pipeline.dockerfile.remote import is_remote
from pipeline.dockerfile.words import unquoted
from pipeline.util.dataclass import dataclass

from .order import BuildOrder

_NOT_ALLOWED = re.compile(r"\b(network\.host|security\.insecure) is not allowed")
_NO_SECRET = re.compile(r"\bsecret ([^\s:]+): not found")


@dataclass(frozen=True, slots=True)
class Address:
    """What could not be fetched, and the lines of the ADD that names it; None for a named context."""

    url: str
    lines: tuple[int, int] | None


def fetched(order: BuildOrder, message: str) -> Address | None:
    """The address in a message that BuildKit fetches for ADD or a named context: it gives no lines for these."""
    for instruction in scanned(order.dockerfile).instructions:
        if instruction.keyword == "ADD":
            for word in instruction.words[:-1]:
                url = _location(unquoted(word.text.strip("[,")))
                if url and url in message:
                    return Address(url, (instruction.line, instruction.line))
    named = (_location(source) for source in order.contexts.values())
    return next((Address(url, None) for url in named if url and url in message), None)


def not_granted(message: str) -> str | None:
    """The remedy for what a build was not given. The plan checks the Dockerfile; a base's ONBUILD asks later."""
    if match := _NOT_ALLOWED.search(message):
        return (
            f"entitlements: in lockage.yml grants {match[1]} to an image; an ONBUILD of its base may need it"
        )
    if match := _NO_SECRET.search(message):
        return f"name {match[1]} in secrets: of image.yml; an ONBUILD of the base may mount it"
    return None


def _location(source: str) -> str:
    """An address without query and fragment; empty for a path, and where a variable makes it unknown."""
    bare = source.partition("#")[0].partition("?")[0]
    return bare if is_remote(bare) and "$" not in bare else ""
