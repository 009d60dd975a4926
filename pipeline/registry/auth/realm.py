"""The token service that a registry names: which addresses get credentials."""

from __future__ import annotations

from urllib.parse import urldefrag, urlsplit

from pipeline.errors import RegistryError

from ..http.addresses import authority_of, is_plain, origin_of
from ..http.redaction import without_users
from .access import Access


def checked_realm(access: Access, host: str, realm: str) -> str:
    """The realm of a challenge by the host's own origin, ready for a query, if credentials may go there. Raises
    RegistryError.

    Any HTTPS address; a plain HTTP one only for a registry that is itself reached over plain HTTP, on the registry's
    own host, on loopback, or on a host that the site allows over plain HTTP.
    """
    try:
        origin = origin_of(realm)
    except ValueError as fault:
        raise _refused(host, realm, f"it is {fault}") from None
    if is_plain(origin) and not _plain_http_allowed(access, host, origin):
        raise _refused(host, realm, "it is reached over plain HTTP")
    return urldefrag(realm).url.rstrip("?&")


def _plain_http_allowed(access: Access, host: str, origin: str) -> bool:
    own = origin_of(access.origin(host))
    same_host = urlsplit(own).hostname == urlsplit(origin).hostname
    return is_plain(own) and (same_host or access.plain_http(authority_of(origin)))


def _refused(host: str, realm: str, problem: str) -> RegistryError:
    return RegistryError(
        f"{host} names {without_users(realm)[:200]!r} as its token service, and credentials go only to an https "
        "address without a user",
        hint="ask the registry's operator to correct the realm of its challenge",
        detail=problem,
    )
