"""Registries as a call reaches them: by the mirrors and credentials of its arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.config import EMBEDDED
from pipeline.engine.secrets import plaintext
from pipeline.engine.session import Login, log_in
from pipeline.errors import UsageError
from pipeline.model import Mirrors
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    import dagger

    from pipeline.plan import Plan
    from pipeline.registry import Access, Credentials

    from .argument_values import ModuleArguments

_DEFAULTS = (
    "env://LOCKAGE_REGISTRY_FORWARD",
    "env://LOCKAGE_REGISTRY_CONFIG",
)  # of .env: callers need not have them
_FORWARD = re.compile(r"(localhost:\d{1,5})=([0-9.]{7,15}:\d{1,5})")


@dataclass(frozen=True, slots=True)
class Reached:
    """The embedded registry's host as references have it, and how this container reaches it and all others.

    `forwards` are addresses at which containers of the engine reach loopback ports of the caller's machine.
    """

    host: str
    access: Access
    forwards: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)


async def registries(given: ModuleArguments, plan: Plan) -> Reached:
    """The registries of a plan. Raises UsageError.

    The engine knows the embedded registry by its address on the caller's machine; this container reaches it where the
    engine forwards it, or as a service.
    """
    from pipeline.registry import HostAccess, access_from_environ

    embedded = plan.project.registry == EMBEDDED
    host, hosts, forwards = "", dict[str, HostAccess](), dict[int, str]()
    if embedded or any("=localhost:" in text for text in given.mirrors):
        host, address = await _embedded(given)
        if embedded and not host:
            raise UsageError(
                "lockage.yml says `registry: embedded`, and no registry was given",
                hint='eval "$(lockage env)", and where it sets LOCKAGE_REGISTRY: --registry "$LOCKAGE_REGISTRY"',
            )
        if host:
            own = await _registry_credentials(given, host)
            hosts = {host: HostAccess(True, credentials=own, address=address, sends_basic=own is not None)}
            forwards = {} if given.registry else {int(host.rpartition(":")[2]): address}
            if own is not None:
                await log_in(given.client, [Login(host, own.username, own.password)])
    config = await plaintext(given.docker_config, "--docker-config") if given.docker_config else "{}"
    return Reached(host, access_from_environ({}, config, hosts=hosts), MappingProxyType(forwards))


async def _embedded(given: ModuleArguments) -> tuple[str, str]:
    """The embedded registry's host in references, and its address for this container; empty if none was given."""
    if given.registry is not None:
        address = await (await given.registry.start()).endpoint()
        return f"localhost:{address.rpartition(':')[2]}", address
    text = await _content(given.registry_forward, "--registry-forward")
    if text is None:
        return "", ""
    forward = _FORWARD.fullmatch(text.strip())
    if forward is None:
        raise UsageError("--registry-forward is not HOST:PORT=ADDRESS:PORT", hint='eval "$(lockage env)"')
    return forward[1], forward[2]


async def _registry_credentials(given: ModuleArguments, host: str) -> Credentials | None:
    """The credentials of the embedded registry, if there are any. Raises UsageError."""
    from pipeline.registry.auth.docker_config import DockerConfig

    text = await _content(given.registry_config, "--registry-config")
    return None if text is None else DockerConfig.parse(text, "--registry-config").auths.get(host)


async def _content(secret: dagger.Secret | None, name: str) -> str | None:
    """The content of a secret, if there is one. Raises UsageError."""
    if secret is None:
        return None
    try:
        return await plaintext(secret, name)
    except UsageError:
        if await secret.uri() in _DEFAULTS:
            return None
        raise


def parse_mirrors(texts: Sequence[str]) -> Mirrors:
    """Mirrors from `HOST=ADDRESS` each. Raises UsageError."""
    pairs = [text.strip().partition("=") for text in texts if text.strip()]
    try:
        if not all(host and address for host, _, address in pairs):
            raise ValueError("must be HOST=ADDRESS")
        return Mirrors.parse({host: address for host, _, address in pairs})
    except ValueError as fault:
        raise UsageError(f"--mirrors: {fault}", hint="docker.io=registry.example/docker.io") from None
