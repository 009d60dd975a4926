"""What RUN instructions of a target may mount: secrets and SSH keys, from whoever runs the program."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dagger

    from pipeline.catalogue import Target
    from pipeline.config.values import SecretSource, SshSource

    from .workshop import Workshop


class Secrets(Protocol):
    """Gives secrets as the engine's; None for one that is not there: a build may do without, or say that it cannot."""

    async def secret(self, client: dagger.Client, id: str, source: SecretSource) -> dagger.Secret | None:
        """The secret with this id; raises UsageError, EnvironmentProblem for a source that fails."""

    async def ssh(
        self, client: dagger.Client, id: str, source: SshSource
    ) -> dagger.Socket | dagger.Secret | None:
        """An agent's socket or a private key; raises as `secret` does."""


class NoSecrets:
    """Where nobody gives any."""

    async def secret(self, client: dagger.Client, id: str, source: SecretSource) -> dagger.Secret | None:
        """None."""

    async def ssh(
        self, client: dagger.Client, id: str, source: SshSource
    ) -> dagger.Socket | dagger.Secret | None:
        """None."""


@dataclass(frozen=True, slots=True)
class Mounts:
    """The secrets and keys of one build, by id."""

    secrets: Mapping[str, dagger.Secret] = field(default_factory=dict)
    agents: Mapping[str, dagger.Socket] = field(default_factory=dict)
    keys: Mapping[str, dagger.Secret] = field(default_factory=dict)


async def mounts(shop: Workshop, target: Target, client: dagger.Client) -> Mounts:
    """What image.yml names and the caller has; what is missing is reported, and the build goes without."""
    import dagger

    project = shop.plan.project
    secrets, agents, keys = {}, {}, {}
    for id in target.secrets:
        secret = await shop.secrets.secret(client, id, source := project.secrets[id])
        if secret is None:
            _missing(shop, target, f"secret {id}", source)
        else:
            secrets[id] = secret
    for id in target.ssh:
        found = await shop.secrets.ssh(client, id, way := project.ssh[id])
        if isinstance(found, dagger.Socket):
            agents[id] = found
        elif found is not None:
            keys[id] = found
        else:
            _missing(shop, target, f"ssh {id}", way)
    return Mounts(secrets, agents, keys)


def _missing(shop: Workshop, target: Target, what: str, source: SecretSource | SshSource) -> None:
    shop.report(target.id, "warning", f"{what}: there is no {source.kind} {source.value}; built without it")
