"""A token service by the distribution token protocol, whose tokens wear out by use instead of by time."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

from aiohttp import web

_NAME = re.compile(r"^/v2/(.+)/(manifests|blobs|tags|referrers)/")


@dataclass
class Service:
    """Grants scopes to a user; asks every request for a token that covers it."""

    host: str
    user: str = "alice"
    password: str = "wonderland"
    refresh: str = "a-refresh-token"
    uses: int = 1_000_000
    expires_in: int = 300
    realm: str = ""
    asked: list[str] = field(default_factory=list)
    tokens: dict[str, list] = field(default_factory=dict)

    async def gate(self, request: web.Request) -> web.StreamResponse | None:
        """None if the request may pass."""
        if request.path == "/token":
            return await self._token(request)
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        needed = _needed(request)
        held = self.tokens.get(token) if kind == "Bearer" else None
        if held is not None and held[1] > 0 and needed <= held[0]:
            held[1] -= 1
            return None
        realm = self.realm or f"http://{self.host}/token"
        scope = " ".join(f"{name}:{','.join(sorted(actions))}" for name, actions in _grouped(needed).items())
        challenge = f'Bearer realm="{realm}",service="test service"' + (f',scope="{scope}"' if scope else "")
        body = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
        return web.json_response(body, status=401, headers={"WWW-Authenticate": challenge})

    async def _token(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            form = await request.post()
            who = form.get("grant_type") == "refresh_token" and form.get("refresh_token") == self.refresh
            scopes, service = str(form.get("scope", "")).split(), form.get("service")
        else:
            credentials = request.headers.get("Authorization", "").removeprefix("Basic ")
            who = base64.b64decode(credentials).decode() == f"{self.user}:{self.password}"
            scopes, service = request.query.getall("scope", []), request.query.get("service")
        self.asked.append(" ".join(scopes))
        if service != "test service" or not who:
            return web.json_response({"details": "incorrect username or password"}, status=401)
        granted = {
            (name, action)
            for name, _, actions in (scope.rpartition(":") for scope in scopes)
            for action in actions.split(",")
        }
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = [granted, self.uses]
        return web.json_response({"token": token, "expires_in": self.expires_in})


def _needed(request: web.Request) -> set[tuple[str, str]]:
    match = _NAME.match(request.path)
    if not match:
        return set()
    action = "pull" if request.method in ("GET", "HEAD") else "push"
    if request.method == "DELETE" and match[2] == "manifests":
        action = "delete"
    needed = {(f"repository:{match[1]}", action)}
    if "from" in request.query:
        needed.add((f"repository:{request.query['from']}", "pull"))
    return needed


def _grouped(needed: set[tuple[str, str]]) -> dict[str, set[str]]:
    out: dict[str, set[str]] = {}
    for name, action in needed:
        out.setdefault(name, set()).add(action)
    return out
