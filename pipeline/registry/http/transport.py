"""Requests as they go over the wire: one aiohttp session, a bounded lane for each host, retries, redirects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

import anyio

from pipeline.errors import RegistryError

from ..auth.access import Access
from ..auth.challenge import covers, union
from ..auth.tokens import Auth
from .call import Request, Response
from .faults import Fault, RequestFailed
from .pacing import Pacing
from .responses import bounded, lower, network_fault, origin_of, refused
from .settings import ClientSettings
from .stats import Meter

if TYPE_CHECKING:
    import ssl

    import aiohttp

T = TypeVar("T")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Transport:
    """Sends calls. `call` gives a whole answer, `open` one that is still being read."""

    def __init__(self, access: Access, settings: ClientSettings, agent: str) -> None:
        self.access, self.settings, self.meter = access, settings, Meter()
        self.auth = Auth(access, self._plain)
        self.pacing = Pacing(settings)
        self._agent = agent
        self._lanes: dict[tuple[str, bool], anyio.CapacityLimiter] = {}
        self._tls: dict[str | None, ssl.SSLContext] = {}
        self._session: aiohttp.ClientSession | None = None
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Open the session; imports aiohttp here so that the package itself is light."""
        import aiohttp

        await self._stack.__aenter__()
        connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=60)
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self.settings.connect_timeout, sock_read=self.settings.read_timeout
        )
        self._session = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self._agent, "Accept-Encoding": "identity"},
                requote_redirect_url=False,
            )
        )

        # aiohttp would send again by itself what may have arrived already, tags included
        self._session._retry_connection = False

    async def stop(self) -> None:
        """Close every connection."""
        self._session = None
        await self._stack.aclose()

    async def call(self, call: Request) -> Response:
        """The whole answer, at most `call.limit` bytes of it. Raises RequestFailed for any other status."""

        async def whole(response: aiohttp.ClientResponse, tries: int) -> Response:
            body = await bounded(response, call)
            response.release()
            self.meter.bytes_down += len(body)
            return Response(response.status, lower(response), body, str(response.url), tries)

        async with self._lane(call):
            return await self._trying(call, whole, self._authenticated)

    @asynccontextmanager
    async def open(self, call: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer whose body the caller reads; only what comes before the body is tried again."""

        async def as_is(response: aiohttp.ClientResponse, tries: int) -> aiohttp.ClientResponse:
            return response

        async with self._lane(call):
            response = await self._trying(call, as_is, self._authenticated)
            try:
                yield response
            finally:
                response.close()

    def _lane(self, call: Request) -> anyio.CapacityLimiter:
        key = (call.host, call.reads)
        if key not in self._lanes:
            self._lanes[key] = anyio.CapacityLimiter(self.settings.per_host)
        return self._lanes[key]

    async def _plain(self, call: Request, authorization: str | None) -> Response:
        """For the token service: with retries, without lane and without authentication."""

        async def send(call: Request) -> aiohttp.ClientResponse:
            return await self._redirected(call, authorization)

        async def whole(response: aiohttp.ClientResponse, tries: int) -> Response:
            body = await bounded(response, call)
            response.release()
            return Response(response.status, lower(response), body, str(response.url), tries)

        return await self._trying(call, whole, send)

    async def _trying(
        self,
        call: Request,
        finish: Callable[[aiohttp.ClientResponse, int], Awaitable[T]],
        send: Callable[[Request], Awaitable[aiohttp.ClientResponse]],
    ) -> T:
        tries = 0
        while True:
            tries += 1
            await self.pacing.quiet(call.host)
            try:
                response = await send(call)
                try:
                    if response.status in call.accept:
                        return await finish(response, tries)
                    fault = await refused(response)
                    response.release()
                except BaseException:
                    response.close()
                    raise
            except Exception as cause:
                fault = network_fault(cause)
                if fault is None:
                    raise
            pause = self.pacing.pause(call, fault, tries)
            if pause is None:
                raise RequestFailed(call, fault, tries, fault.retry_after)
            self.meter.retries += 1
            await anyio.sleep(pause)

    async def _authenticated(self, call: Request) -> aiohttp.ClientResponse:
        scopes = call.scopes
        for turned_away in range(3):
            used = await self.auth.header(call.host, scopes)
            response = await self._redirected(call, used)
            if response.status != 401 or turned_away == 2:
                break
            more = await self.auth.challenged(
                call.host, response.headers.getall("WWW-Authenticate", []), used
            )
            if more is None or (turned_away and covers(scopes, more)):
                break  # a token just fetched does not do: another would not either
            response.close()
            scopes = union(call.scopes, more)
        return response

    async def _redirected(self, call: Request, authorization: str | None) -> aiohttp.ClientResponse:
        origin = self.access.origin(call.host)
        url = call.target if "://" in call.target else origin + call.target
        ours = call.token or origin_of(url) == origin
        for _ in range(self.settings.max_redirects + 1):
            response = await self._once(call, url, authorization if ours else None)
            if not (call.reads and response.status in _REDIRECTS and "Location" in response.headers):
                return response
            response.close()
            target = urljoin(url, response.headers["Location"])
            if not self._may_follow(url, target):
                raise RequestFailed(
                    call, Fault("invalid", message=f"redirected to {origin_of(target)[:200]}")
                )
            url, ours = target, origin_of(target) == origin
        raise RequestFailed(call, Fault("invalid", message="redirected too often"))

    def _may_follow(self, url: str, target: str) -> bool:
        """To TLS always; to plain HTTP only where it was said, and never down from TLS."""
        scheme, authority = urlsplit(target).scheme, urlsplit(target).netloc
        return scheme == "https" or (
            scheme == "http" and url.startswith("http:") and self.access.plain_http(authority)
        )

    async def _once(self, call: Request, url: str, authorization: str | None) -> aiohttp.ClientResponse:
        from yarl import URL

        if self._session is None:
            raise RuntimeError("the registry client is used outside its context")
        headers = dict(call.headers)
        data: Any = call.body
        if callable(data):
            data = self._metered(data())
        elif data is not None:
            self.meter.bytes_up += len(data)
        if call.body is not None:
            headers["Content-Length"] = str(len(call.body) if isinstance(call.body, bytes) else call.size)
        elif not call.reads:
            headers["Content-Length"] = "0"
        if authorization:
            headers["Authorization"] = authorization
        if call.token:
            self.meter.tokens += 1
        else:
            self.meter.requests[call.method] += 1
        context = None
        if url.startswith("https:"):
            context = self._context(call.host)
        return await self._session.request(
            call.method,
            URL(url, encoded=True),
            data=data,
            headers=headers,
            allow_redirects=False,
            ssl=True if context is None else context,
            proxy=self.access.proxy_of(url),
        )

    async def _metered(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            self.meter.bytes_up += len(piece)
            yield piece

    def _context(self, host: str) -> ssl.SSLContext | None:
        ca_file = self.access.ca_of(host)
        if ca_file is None:
            return None
        import ssl

        if ca_file not in self._tls:
            context = ssl.create_default_context()
            try:
                context.load_verify_locations(cafile=ca_file)
            except (OSError, ssl.SSLError) as fault:
                raise RegistryError(
                    f"cannot read the certificate authority {ca_file} for {host}: {fault}",
                    hint="ca_file must name a PEM file",
                ) from fault
            self._tls[ca_file] = context
        return self._tls[ca_file]
