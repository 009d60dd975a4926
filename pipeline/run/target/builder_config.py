"""How builds reach registries: BuildKit's configuration, and the credentials of its clients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.engine.buildkit import DaemonConfig, cache
from pipeline.registry.auth.docker_config import render_docker_config
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.config import CacheEntry
    from pipeline.registry import Access

    from ..context import RunContext
    from .caches import UsableCaches

_HOST_NETWORK = "network.host"
_LOOPBACK = re.compile(r"^(?:localhost|127\.0\.0\.1):(\d{1,5})\Z")


@dataclass(frozen=True, slots=True)
class BuilderRegistries:
    """What all builds of a run have in common, on every engine and for every target: the daemon, and the hosts of the
    registries that they fetch from and push to."""

    daemon: DaemonConfig
    hosts: tuple[str, ...]

    @classmethod
    def of(cls, context: RunContext, caches: UsableCaches) -> BuilderRegistries:
        """Those of a run. Raises ConfigError when the lock lacks BuildKit's image."""
        hosts = registry_hosts(context, caches.entries)
        return cls(_daemon_config(context, caches, hosts), tuple(hosts))


def _daemon_config(context: RunContext, caches: UsableCaches, hosts: Sequence[str]) -> DaemonConfig:
    access = context.registry.access
    authorities = {host: path for host in hosts if (path := access.ca_of(host))}
    loopback = [_LOOPBACK.match(host) for host in hosts]
    ports = {int(match[1]) for match in loopback if match} | cache.ports(caches.entries)
    return DaemonConfig(
        image=context.tools.image("buildkit"),
        mirrors=context.mirrors,
        plain_http=frozenset(host for host in hosts if access.plain_http(host)),
        authorities={host: Path(path).read_text(encoding="utf-8") for host, path in authorities.items()},
        ports=tuple(sorted(ports)),
        secrets=caches.daemon_variables | _proxies(access),
        patience=context.limits.patience,
        fallbacks=context.fallbacks.by_host,
        host_network=any(_HOST_NETWORK in target.entitlements for target in context.plan.targets),
    )


def registry_hosts(context: RunContext, caches: Iterable[CacheEntry]) -> list[str]:
    """The registries that builds fetch from and push to, and those of their caches, as references name them."""
    external = {r.repository.host for t in context.plan.targets for r in t.external_bases}
    mirrored = {prefix.host for prefix in context.mirrors.by_host.values()}
    own = {context.builds.host} | cache.hosts(caches)
    own |= {other.partition("/")[0] for other in context.fallbacks.others}
    if context.proposal:
        own.add(context.proposal.upstream.repository.host)
    return sorted(own | mirrored | (external - set(context.mirrors.by_host)))


async def docker_config_for(access: Access, hosts: Iterable[str]) -> str:
    """A Docker configuration with the credentials for these registries; empty where there are none."""
    credentials = {host: await access.credentials(host) for host in hosts}
    return render_docker_config({host: given for host, given in credentials.items() if given})


def proxy_arguments(access: Access) -> dict[str, str]:
    """The proxies of this site for RUN instructions, as the build arguments that BuildKit keeps out of images, history
    and cache (Dockerfile reference, "Predefined ARGs"). A proxy with a password is left out: the argument would show it
    on a command line.
    """
    return {name: address for name, address in _proxies(access).items() if urlsplit(address).password is None}


def _proxies(access: Access) -> dict[str, str]:
    return {f"{scheme.upper()}_PROXY": address for scheme, address in access.proxies.items()}
