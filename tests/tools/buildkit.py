"""BuildKit's own parser as a judge: what it makes of a Dockerfile, and of a word with variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from .judges import DOCKERFILES, ask


def read(
    texts: Iterable[str],
    platforms: Iterable[str] = ("linux/amd64",),
    arguments: Mapping[str, str] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """What each Dockerfile is to BuildKit: `parse` or `meaning` if it is refused, `instructions`, and for each
    of `platforms` the images it `uses` with these build arguments, and the variables that were `unset`."""
    more = {"platforms": list(platforms), "arguments": dict(arguments)}
    return ask(DOCKERFILES, ({"dockerfile": text, **more} for text in texts))


def expand(words: Iterable[str], values: Mapping[str, str], escape: str = "\\") -> list[dict[str, Any]]:
    """Each word as `text` with its variables replaced, or its `error`; `unset` are those without a value."""
    [found] = ask(DOCKERFILES, [{"words": list(words), "values": dict(values), "escape": escape}])
    return found
