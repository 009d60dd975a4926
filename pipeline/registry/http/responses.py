"""Answers and failures of the HTTP library, turned into values of our own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from pipeline.errors import LockageError

from .call import Request, Response
from .faults import Fault, RequestFailed, refusal

if TYPE_CHECKING:
    import aiohttp

_ERROR_BODY = 64 * 1024


def location_of(call: Request, answer: Response) -> str:
    """The absolute address an answer points to: never from TLS down to plain HTTP.

    A registry behind a proxy that ends TLS often names itself with http: its own host is taken as meant.
    """
    location = answer.headers.get("location", "")
    if not location:
        raise RequestFailed(call, Fault("invalid", answer.status, message="no Location"))
    target = urljoin(answer.url, location)
    parts, own = urlsplit(target), urlsplit(answer.url)
    if parts.scheme == "http" and own.scheme == "https":
        if parts.hostname != own.hostname:
            raise RequestFailed(call, Fault("invalid", answer.status, message="a Location without TLS"))
        return parts._replace(scheme="https", netloc=own.netloc).geturl()
    if parts.scheme not in ("http", "https"):
        raise RequestFailed(call, Fault("invalid", answer.status, message="a Location that is not HTTP"))
    return target


async def bounded(response: aiohttp.ClientResponse, call: Request) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() not in ("identity", ""):
        raise RequestFailed(
            call, Fault("invalid", response.status, message=f"Content-Encoding {encoding[:40]!r}")
        )
    length = response.content_length
    if length is not None and length > call.limit and call.method != "HEAD":
        raise RequestFailed(call, Fault("invalid", response.status, message=_too_large(call)))
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > call.limit:
            raise RequestFailed(call, Fault("invalid", response.status, message=_too_large(call)))
    return b"".join(parts)


def _too_large(call: Request) -> str:
    return f"the answer is larger than {call.limit} bytes"


async def refused(response: aiohttp.ClientResponse) -> Fault:
    body = await response.content.read(_ERROR_BODY)
    return refusal(response.status, response.headers.get("Retry-After"), body, time.time())


def lower(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in reversed(response.headers.items())}


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def network_fault(cause: Exception) -> Fault | None:
    """What an exception says about the connection; None if it is not about the connection.

    What goes wrong in the content being sent comes wrapped into an aiohttp error: it is raised as it was.
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
        kind = "untrusted" if isinstance(cause, aiohttp.ClientSSLError | ssl.SSLError) else "unreachable"
        return Fault(kind, message=message)
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return Fault("unreachable", message=message)
    if isinstance(cause, aiohttp.ClientResponseError | aiohttp.InvalidURL):
        return Fault("invalid", message=message)
    if isinstance(cause, aiohttp.ClientError | TimeoutError | ConnectionError):
        return Fault("broken", message=message)
    return None
