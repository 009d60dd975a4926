"""Responses and exceptions of the HTTP library, converted to our own values."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from pipeline.errors import LockageError

from .faults import Fault, RequestFailed, refusal
from .messages import Request, Response

if TYPE_CHECKING:
    import aiohttp

_ERROR_BODY = 64 * 1024


def location_of(request: Request, response: Response) -> str:
    """The absolute address in `Location`; never from TLS down to plain HTTP.

    A registry behind a proxy that terminates TLS often names its own host with http, which is read as https.
    """
    location = response.headers.get("location", "")
    if not location:
        raise RequestFailed(request, Fault("invalid", response.status, message="no Location"))
    target = urljoin(response.url, location)
    parts, own = urlsplit(target), urlsplit(response.url)
    if parts.scheme == "http" and own.scheme == "https":
        if parts.hostname != own.hostname:
            raise RequestFailed(request, Fault("invalid", response.status, message="a Location without TLS"))
        return parts._replace(scheme="https", netloc=own.netloc).geturl()
    if parts.scheme not in ("http", "https"):
        raise RequestFailed(request, Fault("invalid", response.status, message="a Location that is not HTTP"))
    return target


async def read_body(response: aiohttp.ClientResponse, request: Request) -> bytes:
    """The whole body, at most `Request.limit` bytes. Raises RequestFailed."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() not in ("identity", ""):
        raise RequestFailed(
            request, Fault("invalid", response.status, message=f"Content-Encoding {encoding[:40]!r}")
        )
    length = response.content_length
    if length is not None and length > request.limit and request.method != "HEAD":
        raise RequestFailed(request, Fault("invalid", response.status, message=_too_large(request)))
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > request.limit:
            raise RequestFailed(request, Fault("invalid", response.status, message=_too_large(request)))
    return b"".join(parts)


def _too_large(request: Request) -> str:
    return f"the response is larger than {request.limit} bytes"


async def read_refusal(response: aiohttp.ClientResponse) -> Fault:
    """The fault in an error response."""
    body = await response.content.read(_ERROR_BODY)
    return refusal(response.status, response.headers.get("Retry-After"), body, time.time())


def headers_of(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """The headers by lower-case name; of one that is repeated, the first value."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        headers.setdefault(name.lower(), value)
    return headers


def origin_of(url: str) -> str:
    """Scheme and authority of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def network_fault(cause: Exception) -> Fault | None:
    """The fault behind an exception of the HTTP library; None if it is not about the connection.

    An error in the content being sent comes wrapped in an aiohttp error; it is raised unwrapped.
    """
    import ssl

    import aiohttp

    inner: BaseException | None = cause
    while inner is not None:
        if isinstance(inner, LockageError):
            raise inner
        inner = inner.__cause__
    message = str(cause) or type(cause).__name__
    if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError):
        untrusted = isinstance(cause, aiohttp.ClientSSLError | ssl.SSLError)
        return Fault("untrusted" if untrusted else "unreachable", message=message)
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return Fault("unreachable", message=message)
    if isinstance(cause, aiohttp.ClientResponseError | aiohttp.InvalidURL):
        return Fault("invalid", message=message)
    if isinstance(cause, aiohttp.ClientError | TimeoutError | ConnectionError):
        return Fault("broken", message=message)
    return None
