"""Responses and exceptions of the HTTP library, converted to our own values."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.errors import LockageError
from pipeline.util.sizes import size_text

from ..limits import ERROR_BYTES
from .addresses import is_plain, origin_of, resolve
from .content_encoding import Undecodable, decode_json, is_labelled_gzip
from .faults import MESSAGE_LENGTH, Fault, RequestFailed, refusal
from .messages import Request, Response
from .pace import Pace, TooSlow

if TYPE_CHECKING:
    import aiohttp


def location_of(request: Request, response: Response, own: str) -> str:
    """The absolute address in `Location`; never from TLS down to plain HTTP.

    A registry behind a proxy that terminates TLS often names its own host with http, which is read as https. Another
    origin than the registry's `own` cannot lead back to it, where the next request would carry credentials.
    """
    location = response.headers.get("location", "")
    if not location:
        raise RequestFailed(request, Fault("invalid", response.status, message="no Location"))
    try:
        target = resolve(response.url, location)
        here, target_origin = origin_of(response.url), origin_of(target)
    except ValueError as fault:
        raise RequestFailed(
            request, Fault("invalid", response.status, message=f"Location is {fault}")
        ) from None
    parts, base = urlsplit(target), urlsplit(response.url)
    if is_plain(target_origin) and not is_plain(here):
        if parts.hostname != base.hostname:
            raise RequestFailed(request, Fault("invalid", response.status, message="a Location without TLS"))
        return parts._replace(scheme="https", netloc=base.netloc).geturl()
    if target_origin == own != here:
        message = f"a Location from {here} back to the registry"
        raise RequestFailed(request, Fault("invalid", response.status, message=message))
    return target


async def read_body(response: aiohttp.ClientResponse, request: Request, pace: Pace) -> bytes:
    """The whole body, at most `Request.limit` bytes; one that is compressed though nobody asked for it is decoded.
    Raises RequestFailed, TooSlow."""
    length = response.content_length
    if length is not None and length > request.limit and request.method != "HEAD":
        raise RequestFailed(request, Fault("invalid", response.status, message=_too_large(request)))
    parts, size = [], 0
    async for part in pace.watch(response.content.iter_any()):
        parts.append(part)
        size += len(part)
        if size > request.limit:
            raise RequestFailed(request, Fault("invalid", response.status, message=_too_large(request)))
    body = b"".join(parts)
    try:
        return decode_json(body, request.limit) if is_labelled_gzip(response) else body
    except Undecodable as fault:
        raise RequestFailed(request, Fault("invalid", response.status, message=str(fault))) from None


def _too_large(request: Request) -> str:
    return f"the response is larger than {size_text(request.limit)}"


async def read_refusal(response: aiohttp.ClientResponse, redact: Callable[[str], str]) -> Fault:
    """The fault in an error response; `redact` removes secrets that it repeats."""
    body = await response.content.read(ERROR_BYTES)
    return refusal(response.status, response.headers.get("Retry-After"), body, time.time(), redact)


def headers_of(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """The headers by lower-case name; of one that is repeated, the first value."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        headers.setdefault(name.lower(), value)
    return headers


def network_fault(cause: Exception, redact: Callable[[str], str]) -> Fault | None:
    """The fault behind an exception of the HTTP library; None if it is not about the connection.

    Its messages may hold what a proxy sent and the proxy's own address; `redact` removes secrets.

    An error in the content being sent comes wrapped in an aiohttp error; it is raised unwrapped.
    """
    import ssl

    import aiohttp

    inner: BaseException | None = cause
    while inner is not None:
        if isinstance(inner, LockageError):
            raise inner
        inner = inner.__cause__
    message = redact(str(cause))[:MESSAGE_LENGTH] or type(cause).__name__
    if isinstance(cause, TooSlow):
        return Fault("slow", message=message)
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
