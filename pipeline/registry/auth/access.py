"""How each registry may be reached: scheme, certificate authority, credentials."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from pipeline.model.reference import DOCKER_HUB

_LOOPBACK = re.compile(r"^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$")
_HUB_API = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and password, or an identity token (OAuth2 refresh token), or a ready bearer token."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


Provider = Callable[[str], Awaitable[Credentials | None]]
"""Gives the credentials of a host, or None for anonymous access. Asked at most once for each host."""


@dataclass(frozen=True, slots=True)
class HostAccess:
    """What was said about one host. `ca_file` is a PEM bundle trusted beside the system's; `address` is where
    to connect instead (host:port), for whoever sees the host under another name than its references have."""

    insecure_http: bool = False
    ca_file: str | None = None
    credentials: Credentials | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """What was said about all hosts; `provider` answers where `hosts` holds no credentials.

    Plain HTTP is spoken only to hosts for which it was said, and to the loopback names `localhost`,
    `127.0.0.1` and `[::1]` unless `https_loopback`.
    """

    hosts: Mapping[str, HostAccess] = field(default_factory=lambda: MappingProxyType({}))
    provider: Provider | None = None
    ca_file: str | None = None
    https_loopback: bool = False
    proxies: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Addresses of HTTP proxies by scheme, and under `no` the hosts that are reached without."""

    @classmethod
    def from_docker_config(
        cls,
        source: str | Path | None,
        env: Mapping[str, str],
        *,
        hosts: Mapping[str, HostAccess] | None = None,
        ca_file: str | None = None,
    ) -> Access:
        """Credentials from a Docker configuration (its text, its path, or None for where `env` says it is),
        from credential helpers and from what CI sets in `env`. Nothing is read before a host asks for it.

        Authorities and hosts without TLS are those that `env` names (`said`), and those given here. Raises UsageError.
        """
        from .docker_config import Keychain
        from .environ import ca_file_from_environ, hosts_from_environ, proxies_from_environ

        return cls(
            {**hosts_from_environ(env), **(hosts or {})},
            Keychain(env, source),
            ca_file or ca_file_from_environ(env),
            proxies=proxies_from_environ(env),
        )

    def of(self, host: str) -> HostAccess:
        """What was said about this host, or the default."""
        return self.hosts.get(host, _NOTHING_SAID)

    def plain_http(self, host: str) -> bool:
        """Whether this host is spoken to without TLS."""
        said = self.hosts.get(host)
        if said is not None and (said.insecure_http or said.ca_file):
            return said.insecure_http
        return bool(_LOOPBACK.match(host)) and not self.https_loopback

    def origin(self, host: str) -> str:
        """Scheme and authority of the host's API, e.g. `https://ghcr.io`."""
        scheme = "http" if self.plain_http(host) else "https"
        return f"{scheme}://{self.of(host).address or (_HUB_API if host == DOCKER_HUB else host)}"

    def proxy_of(self, url: str) -> str | None:
        """The proxy for an address; None for loopback, what `no` lists, and where there is none."""
        if not self.proxies:
            return None
        from urllib.request import proxy_bypass_environment

        parts = urlsplit(url)
        proxy = self.proxies.get(parts.scheme)
        if proxy is None or _LOOPBACK.match(parts.netloc):
            return None
        return None if proxy_bypass_environment(parts.netloc, {"no": self.proxies.get("no", "")}) else proxy

    def ca_of(self, host: str) -> str | None:
        """The PEM bundle to trust for this host beside the system's."""
        return self.of(host).ca_file or self.ca_file

    async def credentials(self, host: str) -> Credentials | None:
        """The credentials for a host; None is anonymous access."""
        known = self.of(host).credentials
        if known is None and self.provider is not None:
            return await self.provider(host)
        return known


_NOTHING_SAID = HostAccess()
