"""One request to a registry and its response, as values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import field
from types import MappingProxyType

from pipeline.util.dataclass import dataclass

from ..auth.challenge import Scopes
from ..limits import RESPONSE_BYTES

Body = bytes | Callable[[], AsyncIterator[bytes]]
"""Content to send: bytes, or a function that opens the same content from its beginning for each attempt."""

READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request before authentication: `target` is a path on the host's API or an absolute URL.

    `operation` and `subject` are for messages ("reading the manifest of", "ghcr.io/acme/app:1"). Every status that is
    not in `accept` is a fault. `size` is the length of the body, `limit` the largest response body, both in bytes.
    """

    method: str
    host: str
    target: str
    operation: str
    subject: str
    scopes: Scopes = frozenset()
    accept: frozenset[int] = frozenset({200})
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    secrets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Headers with a token, for the host's own origin alone: no redirect takes them elsewhere."""
    body: Body | None = None
    size: int = 0
    limit: int = RESPONSE_BYTES
    for_token: bool = False
    """It goes to the token service, at the address that the registry named."""
    max_attempts: int | None = None
    """Fewer attempts than the settings allow, where the caller has a better way to retry."""

    @property
    def reads(self) -> bool:
        """Whether the request changes nothing."""
        return self.method in READING


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response. `headers` has lower-case names; `url` is where it came from."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
