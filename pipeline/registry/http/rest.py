"""Requests to a JSON API by its own token: rate limits are waited for, lists are read page by page, and what the API
says of a refusal becomes the error's text."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from types import MappingProxyType, TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import anyio

from pipeline.errors import RegistryError, UsageError
from pipeline.model.manifest import load_json
from pipeline.util.dataclass import dataclass
from pipeline.util.timestamps import format_timestamp

from ..auth.access import Access
from ..limits import PAGES, RESPONSE_BYTES
from .addresses import authority_of, origin_of
from .faults import MESSAGE_LENGTH, Fault, RequestFailed
from .headers import retry_after
from .messages import Request, Response
from .settings import ClientSettings
from .transport import Transport

_WAITS = 20
_LIMITED = frozenset({403, 429})
_JUDGED = frozenset({400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 422, 429})
"""Refusals whose body is read here; those of the server are retried as a registry's are."""
_REPEATABLE = frozenset({"GET", "HEAD", "DELETE"})
_MISSING = frozenset({404})
_SECONDARY = "secondary rate limit"
_SECONDARY_WAIT = 60.0
"""Seconds to wait where GitHub names none ("Rate limits for the REST API", exceeding the rate limit)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `path` is below the API's address, or a whole address of one of its hosts.

    `data` is sent as JSON, `content` as it is. Every status that is not in `accept` is an error.
    """

    method: str
    path: str
    operation: str
    subject: str
    accept: frozenset[int] = frozenset({200})
    data: object = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    limit: int = RESPONSE_BYTES


class RestApi:
    """The client of one API, used as `async with`.

    `url` is its address, `secrets` are the headers that authenticate. They go to its own origin and to those of `also`,
    and nowhere else. Raises UsageError for an address over plain HTTP that is not on loopback.
    """

    def __init__(
        self,
        url: str,
        secrets: Mapping[str, str],
        access: Access | None = None,
        settings: ClientSettings | None = None,
        also: Iterable[str] = (),
    ) -> None:
        access = (access or Access()).anonymous()  # no challenge gets a registry's credentials
        self.settings = settings or ClientSettings()
        self.origin, self.host, self._base = _checked(url, access)
        self.url = self.origin + self._base
        self._secrets = MappingProxyType(dict(secrets))
        self._origins = frozenset({self.origin, *also})
        self._transport = Transport(access, self.settings, "lockage")
        self._transport.redactor.add(*(value.rpartition(" ")[2] for value in secrets.values()))

    async def __aenter__(self) -> Self:
        await self._transport.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.stop()

    async def send(self, call: Call) -> Response:
        """The response, with a status of `accept`. Raises RequestFailed, RegistryError for a limit that ends too late.

        A request that makes or changes something is sent once: the caller checks what became of it.
        """
        request = self._request(call)
        response = await self._patiently(request)
        if response.status in call.accept:
            return response
        raise RequestFailed(request, self._refusal(response))

    async def json(self, call: Call) -> Any:
        """What the response holds. Raises as `send` does, and RequestFailed for what is no JSON."""
        return self._read(call, await self.send(call))

    async def table(self, call: Call) -> Mapping[str, Any]:
        """As `json`, of an object."""
        return self._table(call, await self.send(call))

    async def find(self, call: Call, missing: frozenset[int] = _MISSING) -> Mapping[str, Any] | None:
        """As `table`; None where the status says that there is none."""
        response = await self.send(replace(call, accept=call.accept | missing))
        return None if response.status in missing else self._table(call, response)

    async def pages(self, call: Call, size: int = 100) -> list[Any]:
        """All entries of a list (`page`, `per_page`). Raises as `json` does."""
        all_entries: list[Any] = []
        separator = "&" if "?" in call.path else "?"
        for page in range(1, PAGES + 1):
            path = f"{call.path}{separator}per_page={size}&page={page}"
            entries = await self.json(replace(call, path=path))
            if not isinstance(entries, list):
                raise RequestFailed(self._request(call), Fault("invalid", message="no list"))
            all_entries += entries
            if len(entries) < size:
                return all_entries
        raise RegistryError(f"{call.subject} has more than {PAGES * size:,} entries ({call.operation} them)")

    def _table(self, call: Call, response: Response) -> Mapping[str, Any]:
        data = self._read(call, response)
        if not isinstance(data, Mapping):
            raise RequestFailed(
                self._request(call), Fault("invalid", response.status, message="no JSON object")
            )
        return data

    def _read(self, call: Call, response: Response) -> Any:
        try:
            return load_json(response.body)
        except ValueError as fault:
            raise RequestFailed(
                self._request(call), Fault("invalid", response.status, message=str(fault))
            ) from fault

    def _request(self, call: Call) -> Request:
        host, target = self.host, self._base + call.path
        if not call.path.startswith("/"):
            host, target = authority_of(self._own(call.path)), call.path
        headers, body = dict(call.headers), call.content
        if call.data is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(call.data).encode()
        return Request(
            call.method,
            host,
            target,
            call.operation,
            call.subject,
            accept=call.accept | _JUDGED,
            headers=headers,
            secrets=self._secrets,
            body=body,
            limit=call.limit,
            max_attempts=None if call.method in _REPEATABLE else 1,
        )

    def _own(self, url: str) -> str:
        """The origin of an address that the API named. Raises RegistryError for one that gets no token."""
        try:
            origin = origin_of(url)
        except ValueError as fault:
            raise RegistryError(f"{self.host} names {fault}") from None
        if origin not in self._origins:
            raise RegistryError(
                f"{self.host} leads a request to {origin[:200]}, which is no host of its own",
                hint="no token was sent there; report it to whoever runs the API",
            )
        return origin

    async def _patiently(self, request: Request) -> Response:
        for _ in range(_WAITS):
            response = await self._transport.send(request)
            wait = self._wait(response) if response.status in _LIMITED else None
            if wait is None:
                return response
            if wait > self.settings.max_retry_after:
                until = format_timestamp(int(time.time() + wait))
                raise RegistryError(
                    f"{self.host} limits the rate of requests until {until}",
                    hint="run again then: what is done stays, and what is left is done",
                    status=response.status,
                )
            await anyio.sleep(wait)
        return response

    def _wait(self, response: Response) -> float | None:
        """Seconds to wait: by `Retry-After`, until the limit's window ends, or as GitHub asks where it names no time;
        None where no limit was reached."""
        headers = response.headers
        if (seconds := retry_after(headers.get("retry-after"), time.time())) is not None:
            return seconds
        for prefix in ("x-ratelimit", "ratelimit"):  # GitHub, GitLab
            reset = headers.get(f"{prefix}-reset", "")
            if headers.get(f"{prefix}-remaining") == "0" and reset.isdecimal():
                return max(0.0, float(reset) - time.time())
        return _SECONDARY_WAIT if _SECONDARY in refusal_text(response.body).lower() else None

    def _refusal(self, response: Response) -> Fault:
        text = self._transport.redactor(refusal_text(response.body))
        return Fault("refused", response.status, message=text[:MESSAGE_LENGTH])


def refusal_text(body: bytes) -> str:
    """What an API says of a refusal: GitHub's `message` and `errors`, GitLab's `message` or `error`, Harbor's `errors`,
    Quay's `error_message` or `detail`; empty for what is none of these."""
    try:
        data = load_json(body)
    except ValueError:
        return ""
    if not isinstance(data, dict):
        return ""
    parts = [_text(data[key]) for key in ("message", "error", "error_message", "detail") if data.get(key)]
    errors = data.get("errors")
    parts += [_text(one) for one in errors] if isinstance(errors, list) else []
    text = ": ".join(dict.fromkeys(part for part in parts if part))
    return "".join(c if c.isprintable() else " " for c in text)


def _text(value: object) -> str:
    if isinstance(value, dict):
        keys = ("message", "field", "code") if value.get("message") else ("resource", "field", "code")
        named = [str(value[key]) for key in keys if value.get(key)]
        return " ".join(named) or ", ".join(f"{key} {_text(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)


def _checked(url: str, access: Access) -> tuple[str, str, str]:
    """Origin, host and path of an API's address."""
    try:
        origin = origin_of(url)
    except ValueError as fault:
        raise UsageError(f"{url[:200]!r} is {fault}, where that of an API is wanted") from None
    host = authority_of(origin)
    if origin != origin_of(access.origin(host)):
        raise UsageError(f"{origin} is reached over plain HTTP, so no token is sent there", hint="https://…")
    return origin, host, urlsplit(url).path.rstrip("/")
