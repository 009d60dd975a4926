"""Addresses that a registry names, read by the parser of the HTTP library and compared by origin (RFC 6454)."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urldefrag, urljoin

_NEVER_IN_A_URL = re.compile(
    r"[\x00-\x20\x7f\\\ud800-\udfff]"
)  # surrogates: bytes of a header that are not UTF-8
_DEFAULT_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=4096)
def origin_of(url: str) -> str:
    """Scheme, host and port of an HTTP address, e.g. `https://ghcr.io`: lower case, without a default port.

    Raises ValueError for an address that is not HTTP, has a user, or is read differently by different parsers. Its
    text quotes nothing of the address.
    """
    from yarl import URL

    if _NEVER_IN_A_URL.search(url):
        raise ValueError("an address with blanks, backslashes or control characters")
    try:
        parsed = URL(url, encoded=True)
        host, port = (parsed.raw_host or "").lower(), parsed.port
    except ValueError:
        raise ValueError("an invalid address") from None
    if parsed.scheme not in _DEFAULT_PORTS or not host or not host.isascii() or not port:
        raise ValueError("an address that is not HTTP")
    if "@" in parsed.raw_authority:
        raise ValueError("an address with a user")
    host = f"[{host}]" if ":" in host else host
    return f"{parsed.scheme}://{host}" + ("" if port == _DEFAULT_PORTS[parsed.scheme] else f":{port}")


def resolve(base: str, reference: str) -> str:
    """The absolute address of a reference in a response from `base`, without a fragment, which is never sent. Raises
    ValueError as `origin_of` does."""
    try:
        target = urldefrag(urljoin(base, reference.strip())).url
    except ValueError:
        raise ValueError("an invalid address") from None
    origin_of(target)
    return target


def is_plain(origin: str) -> bool:
    """Whether an origin is reached over plain HTTP."""
    return origin.startswith("http:")


def authority_of(origin: str) -> str:
    """Host and port of an origin."""
    return origin.partition("://")[2]
