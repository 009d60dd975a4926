"""One request to a registry and its answer, as values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..auth.challenge import Scopes

Body = bytes | Callable[[], AsyncIterator[bytes]]
"""Content to send: bytes, or what opens the same content afresh for each try."""

READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request before authentication: `target` is a path on the host's API or an absolute URL.

    `doing` and `subject` are for messages ("reading the manifest of", "ghcr.io/acme/app:1"). `accept` lists the
    statuses that are answers; every other one is a fault. `size` is the body's length in bytes.
    """

    method: str
    host: str
    target: str
    doing: str
    subject: str
    scopes: Scopes = frozenset()
    accept: frozenset[int] = frozenset({200})
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: Body | None = None
    size: int = 0
    limit: int = 4 * 1024 * 1024
    token: bool = False
    """It goes to the token service, whose address the registry has given."""
    tries: int | None = None
    """Fewer tries than the settings say, where the caller has a better way to try again."""

    @property
    def reads(self) -> bool:
        """Whether the request changes nothing."""
        return self.method in READING


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer. `headers` has lower-case names; `tries` counts from 1; `url` is where it came from."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    tries: int = 1
