"""Files of other servers than registries: by address, over the same connections, proxies and certificates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from .http.faults import Fault, RequestFailed
from .http.messages import Request
from .http.responses import network_fault
from .http.transport import Transport


async def document(transport: Transport, url: str) -> bytes:
    """A small file in memory. Raises RegistryError."""
    return (await transport.send(_request(url))).body


async def stream(transport: Transport, url: str) -> AsyncIterator[bytes]:
    """A file in chunks, unverified. Raises RegistryError, also for a connection that ends early."""
    request = _request(url)
    async with transport.stream(request) as response:
        expected, received = response.content_length, 0
        try:
            chunks = response.content.iter_chunked(transport.settings.read_bytes)
            async for chunk in transport.pace().watch(chunks):
                transport.meter.bytes_down += len(chunk)
                received += len(chunk)
                yield chunk
        except Exception as cause:
            fault = network_fault(cause, transport.redactor)
            if fault is None:
                raise
            raise RequestFailed(request, fault, 1) from None
        if expected is not None and received != expected:
            message = f"the connection ended after {received} of {expected} bytes"
            raise RequestFailed(request, Fault("broken", message=message), 1)


def _request(url: str) -> Request:
    return Request("GET", urlsplit(url).netloc, url, "downloading", url)
