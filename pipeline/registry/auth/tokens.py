"""Authentication: Basic, and bearer tokens by the distribution token protocol, kept for each scope.

Nothing is asked for before a registry has challenged once; from then on tokens are fetched ahead, one
request for each set of scopes, whoever needs it first.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

import anyio

from pipeline.errors import RegistryError

from ..http.call import Request, Response
from .access import Access, Credentials
from .challenge import Scopes, covers, parse_challenges, parse_scopes, union

Send = Callable[[Request, str | None], Awaitable[Response]]
"""Sends a call with an Authorization header and retries; does not authenticate."""

_SLACK = 15.0
_DEFAULT_LIFE = 60.0
_TOKEN_LIMIT = 1024 * 1024


@dataclass(slots=True)
class _Token:
    value: str
    scopes: Scopes
    until: float


@dataclass(slots=True)
class _Host:
    scheme: str = ""
    realm: str = ""
    service: str = ""
    asked: bool = False
    credentials: Credentials | None = None
    tokens: list[_Token] = field(default_factory=list)
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class Auth:
    """Knows what to put into `Authorization` for each host."""

    def __init__(self, access: Access, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        self._access, self._send, self._clock = access, send, clock
        self._hosts: dict[str, _Host] = {}

    async def header(self, host: str, scopes: Scopes) -> str | None:
        """The header for a request with these scopes; None before the host has challenged."""
        state = self._hosts.setdefault(host, _Host())
        if state.scheme == "basic":
            return _basic(state.credentials)
        if state.scheme != "bearer":
            return None
        if found := self._held(state, scopes):
            return f"Bearer {found}"
        async with state.lock:
            if found := self._held(state, scopes):
                return f"Bearer {found}"
            token = await self._fetch(host, state, scopes)
            state.tokens = [
                t for t in state.tokens if t.until > self._clock() and not covers(scopes, t.scopes)
            ]
            state.tokens.append(token)
            return f"Bearer {token.value}"

    async def challenged(self, host: str, values: list[str], used: str | None) -> Scopes | None:
        """Learn from a 401. The scopes to ask for beside one's own, or None if there is no use in trying."""
        state = self._hosts.setdefault(host, _Host())
        found = {c.scheme: c.parameters for c in reversed(parse_challenges(values))}
        async with state.lock:
            if not state.asked:
                state.credentials, state.asked = await self._access.credentials(host), True
            if used:
                state.tokens = [t for t in state.tokens if f"Bearer {t.value}" != used]
            if "bearer" in found and found["bearer"].get("realm"):
                state.scheme = "bearer"
                state.realm = self._checked_realm(host, found["bearer"]["realm"])
                state.service = found["bearer"].get("service", "")
                return parse_scopes(found["bearer"].get("scope", ""))
            if "basic" in found and state.credentials is not None:
                state.scheme = "basic"
                return None if used == _basic(state.credentials) else frozenset()
        return None

    def _held(self, state: _Host, scopes: Scopes) -> str | None:
        if state.credentials is not None and state.credentials.registry_token:
            return state.credentials.registry_token
        now = self._clock()
        return next((t.value for t in state.tokens if t.until > now and covers(t.scopes, scopes)), None)

    def _checked_realm(self, host: str, realm: str) -> str:
        parts = urlsplit(realm)
        plain = parts.scheme == "http" and (
            self._access.plain_http(parts.netloc) or (parts.hostname or "") == host.partition(":")[0]
        )
        if not parts.netloc or not (parts.scheme == "https" or (plain and self._access.plain_http(host))):
            raise RegistryError(
                f"{host} wants its tokens fetched from {realm[:200]!r}, which is not an https address",
                hint="credentials are not sent in the clear; ask the registry's operator",
            )
        return realm

    async def _fetch(self, host: str, state: _Host, scopes: Scopes) -> _Token:
        asked = sorted(str(s) for s in scopes)
        who = state.credentials
        started = self._clock()
        answer: Response | None = None
        if who is not None and who.identity_token:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": who.identity_token,
                "service": state.service,
                "client_id": "lockage",
                "scope": " ".join(asked),
            }
            call = Request(
                "POST",
                host,
                state.realm,
                "fetching a token for",
                " ".join(asked) or host,
                accept=frozenset({200, 404, 405}),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=urlencode(form).encode(),
                limit=_TOKEN_LIMIT,
                token=True,
            )
            answer = await self._send(call, None)
        if answer is None or answer.status != 200:
            query = [("service", state.service)] if state.service else []
            query += [("scope", text) for text in asked]
            joint = "&" if urlsplit(state.realm).query else "?"
            call = Request(
                "GET",
                host,
                state.realm + (joint + urlencode(query, quote_via=quote, safe=":/,") if query else ""),
                "fetching a token for",
                " ".join(asked) or host,
                limit=_TOKEN_LIMIT,
                token=True,
            )
            answer = await self._send(call, _basic(who))
        return _read_token(host, answer, scopes, started)


def _basic(who: Credentials | None) -> str | None:
    if who is None or not (who.username or who.password):
        return None
    return "Basic " + base64.b64encode(f"{who.username}:{who.password}".encode()).decode()


def _read_token(host: str, answer: Response, scopes: Scopes, started: float) -> _Token:
    try:
        data = json.loads(answer.body)
        value = data.get("token") or data.get("access_token")
        life = data.get("expires_in", _DEFAULT_LIFE)
        if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
            raise ValueError("no token")
        life = float(life) if isinstance(life, int | float) and life > 0 else _DEFAULT_LIFE
    except (ValueError, AttributeError, TypeError, RecursionError) as fault:
        raise RegistryError(
            f"the token service of {host} gave an answer without a token",
            hint="the registry or a proxy before it is faulty; ask its operator",
        ) from fault
    return _Token(value, union(scopes), started + life - min(_SLACK, life / 4))
