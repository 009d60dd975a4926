"""Secrets in texts of others: what a registry or a proxy sent back, and messages of the HTTP library."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

_HIDDEN = "***"
_SHORTEST = 4
"""Shorter values are found in any text by accident."""
_LONG = 32
_USER = re.compile(r"(?<=://)[^\s/?#'\"<>]*@")


def without_users(text: str) -> str:
    """A text whose URLs have no user and no password."""
    return _USER.sub("", text)


def _pattern(secret: str) -> str:
    """A long secret is also found where a text was cut off in its midst."""
    whole = re.escape(secret)
    if len(secret) < _LONG:
        return whole
    return f"{whole}|{re.escape(secret[: _LONG // 2])}" + r"[^\s'\"<>,;]*"


class Redactor:
    """The secrets that were used so far; a call removes them from a text."""

    def __init__(self, proxies: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        for proxy in proxies:
            self._add_proxy(proxy)

    def add(self, *secrets: str) -> None:
        """Remove these from every text from now on, also as they are written in a URL."""
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                self._secrets |= {secret, quote(secret, safe="")}

    def add_header(self, authorization: str) -> None:
        """Remove the value of an `Authorization` header."""
        self.add(authorization.partition(" ")[2])

    def __call__(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = re.sub(_pattern(secret), _HIDDEN, text, flags=re.IGNORECASE)
        return without_users(text)

    def _add_proxy(self, proxy: str) -> None:
        parts = urlsplit(proxy)
        user, password = parts.username or "", parts.password or ""
        if user or password:
            pair = f"{unquote(user)}:{unquote(password)}"
            self.add(password, unquote(password), base64.b64encode(pair.encode()).decode())
