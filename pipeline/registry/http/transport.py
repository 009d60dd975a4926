"""Sending of requests: one aiohttp session, a limit of concurrent requests per host, retries, redirects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio

from pipeline.errors import RegistryError
from pipeline.util.dataclass import dataclass

from ..auth.access import Access
from ..auth.challenge import covers, union
from ..auth.tokens import Authenticator
from ..limits import HEADER_BYTES, HEADERS
from .addresses import authority_of, is_plain, origin_of, resolve
from .aiohttp_import import import_aiohttp
from .faults import Fault, RequestFailed
from .messages import Request, Response
from .pace import Pace, Patience, in_parts
from .redaction import Redactor
from .responses import headers_of, network_fault, read_body, read_refusal
from .retry import RetryPolicy
from .settings import ClientSettings
from .stats import Meter

if TYPE_CHECKING:
    import ssl

    import aiohttp

T = TypeVar("T")
_NONE = frozenset[int]()
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REPEATED = frozenset({307, 308})
"""Redirects that keep method and body (RFC 9110, 15.4.8 and 15.4.9), so that a write follows them as well; one with
credentials in its body follows none."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A response; `elsewhere` is the first origin beside the addressed one that the request was led to."""

    response: aiohttp.ClientResponse
    elsewhere: str


class Transport:
    """Sends requests. `send` returns a complete response, `stream` one whose body is still to be read."""

    def __init__(self, access: Access, settings: ClientSettings, agent: str) -> None:
        self.access, self.settings, self.meter = access, settings, Meter()
        self.retries = RetryPolicy(settings)
        self.redactor = Redactor(url for scheme, url in access.proxies.items() if scheme != "no")
        self._authenticator = Authenticator(access, self._send_unauthenticated, self.redactor)
        self._agent = agent
        self._limiters: dict[tuple[str, bool], anyio.CapacityLimiter] = {}
        self._tls_contexts: dict[str | None, ssl.SSLContext] = {}
        self._session: aiohttp.ClientSession | None = None
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Open the session. aiohttp is imported here because it takes long."""
        import_aiohttp()
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
                max_field_size=HEADER_BYTES,
                max_line_size=HEADER_BYTES,
                max_headers=HEADERS,
            )
        )

        # By itself, aiohttp resends requests that may have arrived, writes of tags among them.
        self._session._retry_connection = False

    async def stop(self) -> None:
        """Close every connection."""
        self._session = None
        await self._stack.aclose()

    async def send(self, request: Request) -> Response:
        """The whole response, at most `Request.limit` bytes of it. Raises RequestFailed for any other status."""
        async with self._limiter(request):
            response = await self._retrying(request, partial(self._complete, request), self._authenticated)
        self.meter.bytes_down += len(response.body)
        return response

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response whose body the caller reads; failures before the body are retried."""

        async def unread(response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
            return response

        async with self._limiter(request):
            response = await self._retrying(request, unread, self._authenticated)
            try:
                yield response
            finally:
                response.close()

    def pace(self) -> Pace:
        """For the body of one response."""
        return Pace(self.settings)

    def origin_of(self, request: Request) -> str:
        """The registry's own origin: only it gets credentials, and only its challenges are followed."""
        return origin_of(self.access.origin(request.host))

    def _limiter(self, request: Request) -> anyio.CapacityLimiter:
        key = (request.host, request.reads)
        if key not in self._limiters:
            self._limiters[key] = anyio.CapacityLimiter(self.settings.per_host)
        return self._limiters[key]

    async def _send_unauthenticated(self, request: Request, authorization: str | None) -> Response:
        """For the token service: with retries; without a limit, which its caller holds already."""

        async def attempt(request: Request) -> _Answer:
            return await self._redirected(request, origin_of(request.target), authorization)

        return await self._retrying(request, partial(self._complete, request), attempt)

    async def _retrying(
        self,
        request: Request,
        finish: Callable[[aiohttp.ClientResponse], Awaitable[T]],
        attempt: Callable[[Request], Awaitable[_Answer]],
    ) -> T:
        attempts = 0
        while True:
            attempts += 1
            await self.retries.wait_for_host(request.host)
            try:
                answer = await attempt(request)
                response = answer.response
                try:
                    if response.status in request.accept:
                        return await finish(response)
                    fault = await read_refusal(response, self.redactor)
                    fault = replace(fault, elsewhere=answer.elsewhere)
                    response.release()
                except BaseException:
                    response.close()
                    raise
            except Exception as cause:
                connection_fault = network_fault(cause, self.redactor)
                if connection_fault is None:
                    raise
                fault = connection_fault
            delay = self.retries.delay(request, fault, attempts)
            if delay is None:
                raise RequestFailed(request, fault, attempts, fault.retry_after)
            self.meter.retries += 1
            await anyio.sleep(delay)

    async def _authenticated(self, request: Request) -> _Answer:
        if not request.reads and not self.access.may_write(request.host):
            raise RegistryError(
                f"{request.operation} {request.subject} is refused: this run only reads {request.host}",
                hint="the run of a pull request from a fork, or with --no-push, writes to no registry but its own",
            )
        scopes, own = request.scopes, self.origin_of(request)
        for refused in range(3):
            authorization = None
            if request.target.startswith("/") or origin_of(request.target) == own:
                authorization = await self._authenticator.header(request.host, scopes)
            answer = await self._redirected(request, own, authorization)
            if answer.response.status != 401 or answer.elsewhere or refused == 2:
                break
            challenges = answer.response.headers.getall("WWW-Authenticate", [])
            wanted = await self._authenticator.challenged(request.host, challenges, authorization)
            if wanted is None or (refused and covers(scopes, wanted)):
                break  # the token is new and has these scopes, so another one would be refused as well
            answer.response.close()
            scopes = union(request.scopes, wanted)
        return answer

    async def _redirected(self, request: Request, own: str, authorization: str | None) -> _Answer:
        """The response after redirects; the header goes to `own` alone, and no more once a redirect has left it."""
        url = own + request.target if request.target.startswith("/") else request.target
        here, elsewhere = own, ""
        for _ in range(self.settings.max_redirects + 1):
            target = origin_of(url)
            if target != own:
                elsewhere = elsewhere or target
            if not self._may_follow(here, target):
                raise RequestFailed(request, Fault("invalid", message=f"redirected to {target[:200]}"))
            alone = replace(request, secrets={}) if elsewhere and request.secrets else request
            response = await self._send_once(alone, url, None if elsewhere else authorization)
            follows = _REDIRECTS if request.reads else _REPEATED if not request.for_token else _NONE
            if response.status not in follows or "Location" not in response.headers:
                return _Answer(response, elsewhere)
            response.close()
            try:
                url, here = resolve(url, response.headers["Location"]), target
            except ValueError as fault:
                raise RequestFailed(request, Fault("invalid", message=f"redirected to {fault}")) from None
        raise RequestFailed(request, Fault("invalid", message="redirected too often"))

    def _may_follow(self, here: str, target: str) -> bool:
        """To TLS always; to plain HTTP only where that host allows it, and never down from TLS."""
        if here == target or not is_plain(target):
            return True
        return is_plain(here) and self.access.plain_http(authority_of(target))

    async def _send_once(
        self, request: Request, url: str, authorization: str | None
    ) -> aiohttp.ClientResponse:
        from yarl import URL

        if self._session is None:
            raise RuntimeError("the registry client is used outside its context")
        headers = {**request.headers, **request.secrets}
        data, size = self._content(request)
        patience = Patience(self.settings, data if isinstance(data, bytes) else None)
        if size is not None:
            headers["Content-Length"] = str(size)
        if authorization:
            headers["Authorization"] = authorization
            self.redactor.add_header(authorization)
        if request.for_token:
            self.meter.tokens += 1
        else:
            self.meter.requests[request.method] += 1
        proxy = self.access.proxy_of(url)
        tls = url.startswith("https:") or (proxy or "").startswith("https:")
        with patience.scope:
            return await self._session.request(
                request.method,
                URL(url, encoded=True),
                data=data if data is None or isinstance(data, bytes) else patience.watch(data),
                headers=headers,
                allow_redirects=False,
                ssl=self._tls_context(request.host) if tls else True,
                proxy=proxy,
            )
        patience.check()
        raise AssertionError("unreachable")

    def _content(self, request: Request) -> tuple[bytes | AsyncIterator[bytes] | None, int | None]:
        """What to send, and the length to state. What is larger than one read is sent in parts, so that a peer that
        takes none is noticed."""
        body = request.body
        if isinstance(body, bytes):
            self.meter.bytes_up += len(body)
            part = self.settings.read_bytes
            return (body if len(body) <= part else in_parts(body, part)), len(body)
        if body is not None:
            return self._metered(body()), request.size
        return None, None if request.reads else 0

    async def _complete(self, request: Request, response: aiohttp.ClientResponse) -> Response:
        body = await read_body(response, request, self.pace())
        response.release()
        return Response(response.status, headers_of(response), body, str(response.url))

    async def _metered(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self.meter.bytes_up += len(chunk)
            yield chunk

    def _tls_context(self, host: str) -> ssl.SSLContext:
        import ssl

        ca_file = self.access.ca_of(host)
        if ca_file not in self._tls_contexts:
            context = ssl.create_default_context()
            context.set_alpn_protocols(("http/1.1",))
            try:
                if ca_file is not None:
                    context.load_verify_locations(cafile=ca_file)
            except (OSError, ssl.SSLError) as fault:
                raise RegistryError(
                    f"cannot read the certificate authority {ca_file} for {host}: {fault}",
                    hint="ca_file must name a PEM file",
                ) from fault
            self._tls_contexts[ca_file] = context
        return self._tls_contexts[ca_file]
