"""Authentication: Basic, and bearer tokens by the distribution token protocol, cached for each set of scopes.

Nothing is sent before a registry has challenged once, except where its settings say so. From then on a token is fetched
before the request that needs it, once for each set of scopes.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field, replace
from urllib.parse import quote, urlencode, urlsplit

import anyio

from pipeline.errors import RegistryError
from pipeline.model.manifest import load_json
from pipeline.util.dataclass import dataclass

from ..http.messages import Request, Response
from ..http.redaction import Redactor
from ..limits import TOKEN_CHARACTERS, TOKEN_RESPONSE_BYTES
from .access import Access
from .challenge import Scopes, covers, parse_challenges, parse_scopes, union
from .credentials import Credentials
from .realm import checked_realm

Send = Callable[[Request, str | None], Awaitable[Response]]
"""Sends a request with an Authorization header, with retries; does not authenticate by itself."""

_ANSWERED = frozenset({200, 201})
_EXPIRY_MARGIN = 15.0
_DEFAULT_LIFETIME = 60.0
_MAX_LIFETIME = 86_400.0
"""A token that claims to live longer is fetched again after a day."""


@dataclass(slots=True)
class _Token:
    value: str
    scopes: Scopes
    expires: float


@dataclass(slots=True)
class _Host:
    scheme: str = ""
    realm: str = ""
    service: str = ""
    credentials_read: bool = False
    credentials: Credentials | None = None
    tokens: list[_Token] = field(default_factory=list)
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class Authenticator:
    """Provides the `Authorization` header for each host.

    A host is known by its own origin: its header goes there alone, and only a challenge from there may be passed in.
    """

    def __init__(
        self,
        access: Access,
        send: Send,
        redactor: Redactor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access, self._send, self._clock = access, send, clock
        self._redactor = redactor or Redactor()
        self._hosts: dict[str, _Host] = {}

    async def header(self, host: str, scopes: Scopes) -> str | None:
        """The header for a request with these scopes; None before the host has challenged."""
        state = self._state(host)
        if state.scheme == "basic":
            return _basic(state.credentials)
        if state.scheme != "bearer":
            return None
        if value := self._cached(state, scopes):
            return f"Bearer {value}"
        async with state.lock:
            if value := self._cached(state, scopes):
                return f"Bearer {value}"
            token = await self._fetch(host, state, scopes)
            state.tokens = [
                t for t in state.tokens if t.expires > self._clock() and not covers(scopes, t.scopes)
            ]
            state.tokens.append(token)
            return f"Bearer {token.value}"

    async def challenged(self, host: str, values: list[str], used: str | None) -> Scopes | None:
        """Read the challenge of a 401 from the host's own origin.

        Gives the scopes to request beside one's own, or None if a retry is pointless.
        """
        state = self._state(host)
        challenges = {c.scheme: c.parameters for c in reversed(parse_challenges(values))}
        async with state.lock:
            if not state.credentials_read:
                state.credentials, state.credentials_read = await self._access.credentials(host), True
                self._hide(state.credentials)
            if used:
                state.tokens = [t for t in state.tokens if f"Bearer {t.value}" != used]
            bearer = challenges.get("bearer")
            if bearer is not None and bearer.get("realm"):
                state.scheme = "bearer"
                state.realm = checked_realm(self._access, host, bearer["realm"])
                state.service = bearer.get("service", "")
                return parse_scopes(bearer.get("scope", ""))
            if "basic" in challenges and state.credentials is not None:
                state.scheme = "basic"
                return None if used == _basic(state.credentials) else frozenset()
        return None

    def _state(self, host: str) -> _Host:
        state = self._hosts.get(host)
        if state is None:
            state = self._hosts[host] = _Host()
            settings = self._access.of(host)
            if settings.sends_basic and settings.credentials is not None:
                state.scheme, state.credentials, state.credentials_read = "basic", settings.credentials, True
                self._hide(settings.credentials)
        return state

    def _cached(self, state: _Host, scopes: Scopes) -> str | None:
        if state.credentials is not None and state.credentials.registry_token:
            return state.credentials.registry_token
        now = self._clock()
        return next((t.value for t in state.tokens if t.expires > now and covers(t.scopes, scopes)), None)

    def _hide(self, credentials: Credentials | None) -> None:
        if credentials is not None:
            self._redactor.add(credentials.password, credentials.identity_token, credentials.registry_token)

    async def _fetch(self, host: str, state: _Host, scopes: Scopes) -> _Token:
        scope_texts = sorted(str(s) for s in scopes)
        credentials = state.credentials
        started = self._clock()
        response: Response | None = None
        if credentials is not None and credentials.identity_token:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": credentials.identity_token,
                "service": state.service,
                "client_id": "lockage",
                "scope": " ".join(scope_texts),
            }
            refresh = replace(
                _token_request(host, state.realm, scope_texts),
                method="POST",
                accept=_ANSWERED | {404, 405},
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=urlencode(form).encode(),
            )
            response = await self._send(refresh, None)
        if response is None or response.status not in _ANSWERED:
            query = [("service", state.service)] if state.service else []
            query += [("scope", text) for text in scope_texts]
            separator = "&" if urlsplit(state.realm).query else "?"
            url = state.realm + (separator + urlencode(query, quote_via=quote, safe=":/,") if query else "")
            response = await self._send(_token_request(host, url, scope_texts), _basic(credentials))
        return _read_token(host, response, scopes, started)


def _token_request(host: str, url: str, scopes: Sequence[str]) -> Request:
    subject = " ".join(scopes) or host
    return Request(
        "GET",
        host,
        url,
        "fetching a token for",
        subject,
        accept=_ANSWERED,
        limit=TOKEN_RESPONSE_BYTES,
        for_token=True,
    )


def _basic(credentials: Credentials | None) -> str | None:
    if credentials is None or not (credentials.username or credentials.password):
        return None
    return "Basic " + base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()


def _read_token(host: str, response: Response, scopes: Scopes, started: float) -> _Token:
    try:
        data = load_json(response.body)
        value = data.get("token") or data.get("access_token")
        lifetime = data.get("expires_in", _DEFAULT_LIFETIME)
        if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
            raise ValueError("no token of printable characters")
        if len(value) > TOKEN_CHARACTERS:
            raise ValueError(f"a token of {len(value)} characters, more than {TOKEN_CHARACTERS}")
        valid = isinstance(lifetime, int | float) and lifetime > 0
        lifetime = float(min(lifetime, _MAX_LIFETIME)) if valid else _DEFAULT_LIFETIME
    except (ValueError, AttributeError, TypeError, RecursionError) as fault:
        raise RegistryError(
            f"the token service of {host} returned no token",
            hint="the registry or a proxy before it is faulty; ask its operator",
            detail=str(fault) if isinstance(fault, ValueError) else None,
        ) from fault
    return _Token(value, union(scopes), started + lifetime - min(_EXPIRY_MARGIN, lifetime / 4))
