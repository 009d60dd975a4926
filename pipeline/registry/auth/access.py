"""How each registry is reached: scheme, certificate authority, proxy, credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from types import MappingProxyType
from urllib.parse import urlsplit

from pipeline.model.reference import DOCKER_HUB
from pipeline.util.dataclass import dataclass

from .credentials import CredentialProvider, Credentials

_LOOPBACK = re.compile(r"^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$")
_HUB_API = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class HostAccess:
    """Settings of one host. `ca_file` is a PEM bundle trusted beside the system's; `address` (host:port) is where to
    connect instead, for a client that sees the host under another name than references do. With `sends_basic` user and
    password go with every request; otherwise the host has to challenge first."""

    insecure_http: bool = False
    ca_file: str | None = None
    credentials: Credentials | None = None
    address: str | None = None
    sends_basic: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """Settings of all hosts; `provider` is called where `hosts` holds no credentials.

    Plain HTTP is used only for hosts with `insecure_http`, and for the loopback names `localhost`, `127.0.0.1` and
    `[::1]` unless `https_loopback`.
    """

    hosts: Mapping[str, HostAccess] = field(default_factory=lambda: MappingProxyType({}))
    provider: CredentialProvider | None = None
    ca_file: str | None = None
    https_loopback: bool = False
    proxies: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Addresses of HTTP proxies by scheme, and under `no` the hosts that are reached without."""
    writable: frozenset[str] | None = None
    """The only hosts that anything is written to; None for all."""

    def of(self, host: str) -> HostAccess:
        """The settings of this host, or the defaults."""
        return self.hosts.get(host, _DEFAULT)

    def may_write(self, host: str) -> bool:
        """Whether requests that change something may go to this host."""
        return self.writable is None or host in self.writable

    def plain_http(self, host: str) -> bool:
        """Whether this host is reached over plain HTTP."""
        settings = self.hosts.get(host)
        if settings is not None and (settings.insecure_http or settings.ca_file):
            return settings.insecure_http
        return bool(_LOOPBACK.match(host)) and not self.https_loopback

    def origin(self, host: str) -> str:
        """Scheme and authority of the host's API, e.g. `https://ghcr.io`."""
        scheme = "http" if self.plain_http(host) else "https"
        return f"{scheme}://{self.of(host).address or (_HUB_API if host == DOCKER_HUB else host)}"

    def proxy_of(self, url: str) -> str | None:
        """The proxy for an address; None for loopback and what `no` lists, and where none is set."""
        if not self.proxies:
            return None
        parts = urlsplit(url)
        proxy = self.proxies.get(parts.scheme)
        if proxy is None or _LOOPBACK.match(parts.netloc):
            return None
        return None if _bypasses(parts.netloc, self.proxies.get("no", "")) else proxy

    def ca_of(self, host: str) -> str | None:
        """The PEM bundle to trust for this host beside the system's."""
        return self.of(host).ca_file or self.ca_file

    def anonymous(self) -> Access:
        """The same without any credentials."""
        hosts = {host: replace(known, credentials=None) for host, known in self.hosts.items()}
        return replace(self, hosts=MappingProxyType(hosts), provider=None)

    async def credentials(self, host: str) -> Credentials | None:
        """The credentials for a host; None is anonymous access."""
        configured = self.of(host).credentials
        if configured is None and self.provider is not None:
            return await self.provider(host)
        return configured


def _bypasses(authority: str, no_proxy: str) -> bool:
    """Whether NO_PROXY lists this host, as Python's own HTTP client reads it."""
    from urllib import request

    return bool(request.proxy_bypass_environment(authority, {"no": no_proxy}))  # type: ignore[attr-defined]  # missing in typeshed


_DEFAULT = HostAccess()
