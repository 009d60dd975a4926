"""How the builds of a run reach registries: BuildKit's configuration, and credentials for its clients alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.engine.buildkit import DaemonConfig, cache
from pipeline.registry.auth.docker_config import render_docker_config

from ..context import RunContext
from .caches import daemon_secrets, entries

if TYPE_CHECKING:
    import dagger

_LOOPBACK = re.compile(r"^(?:localhost|127\.0\.0\.1):(\d{1,5})\Z")


def builder_config(context: RunContext) -> DaemonConfig:
    """The daemon of this run, on whichever engine: the same for every target.

    Raises ConfigError when the lock lacks BuildKit's image.
    """
    access, hosts = context.registry.access, _hosts(context)
    authorities = {host: path for host in hosts if (path := access.ca_of(host))}
    found = [_LOOPBACK.match(host) for host in hosts]
    return DaemonConfig(
        image=context.tool("buildkit"),
        mirrors=context.mirrors,
        plain_http=frozenset(host for host in hosts if access.plain_http(host)),
        authorities={host: _text(path) for host, path in authorities.items()},
        ports=tuple(sorted({int(match[1]) for match in found if match} | cache.ports(entries(context)))),
        secrets=daemon_secrets(context) | _proxies(context),
        patience=context.limits.patience,
    )


async def credentials(context: RunContext, client: dagger.Client) -> dagger.Secret | None:
    """A Docker configuration with the credentials of the registries that builds need; None where there are none."""
    found = {host: await context.registry.access.credentials(host) for host in _hosts(context)}
    text = render_docker_config({host: one for host, one in found.items() if one})
    return client.set_secret("lockage-registries", text) if text else None


def proxy_arguments(context: RunContext) -> dict[str, str]:
    """The proxies of this site for RUN instructions, as the build arguments that BuildKit keeps out of images, history
    and cache (Dockerfile reference, "Predefined ARGs"). One with a password would be on a command line: it is left out.
    """
    return {name: value for name, value in _proxies(context).items() if urlsplit(value).password is None}


def _proxies(context: RunContext) -> dict[str, str]:
    known = context.registry.access.proxies
    return {f"{scheme.upper()}_PROXY": address for scheme, address in known.items()}


def _hosts(context: RunContext) -> list[str]:
    """Registries that builds fetch from and push to, and that their caches are in, as references name them."""
    external = {r.repository.host for t in context.plan.targets for r in t.external_bases}
    mirrored = {prefix.host for prefix in context.mirrors.by_host.values()}
    return sorted(
        {context.builds.host}
        | cache.hosts(entries(context))
        | mirrored
        | (external - set(context.mirrors.by_host))
    )


def _text(path: str) -> str:
    from pathlib import Path

    return Path(path).read_text(encoding="utf-8")
