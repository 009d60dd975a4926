"""What RUN instructions of a target may mount: secrets and SSH keys, from whoever runs the program."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dagger

    from pipeline.config.values import SecretSource, SshSource
    from pipeline.plan import Target

    from ..context import RunContext


class Secrets(Protocol):
    """Gives secrets as the engine's; None for one that is not there: a build may do without, or say that it cannot.

    Each raises UsageError or EnvironmentProblem for a source that fails.
    """

    async def secret(self, client: dagger.Client, id: str, source: SecretSource) -> dagger.Secret | None:
        """The secret with this id."""

    async def agent(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Socket | None:
        """The socket of an SSH agent."""

    async def key(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Secret | None:
        """A private SSH key."""


class NoSecrets:
    """Where nobody gives any."""

    async def secret(self, client: dagger.Client, id: str, source: SecretSource) -> dagger.Secret | None:
        """None."""

    async def agent(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Socket | None:
        """None."""

    async def key(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Secret | None:
        """None."""


@dataclass(frozen=True, slots=True)
class Mounts:
    """The secrets and keys of one build, by id."""

    secrets: Mapping[str, dagger.Secret] = field(default_factory=dict)
    agents: Mapping[str, dagger.Socket] = field(default_factory=dict)
    keys: Mapping[str, dagger.Secret] = field(default_factory=dict)


async def mounts(context: RunContext, target: Target, client: dagger.Client) -> Mounts:
    """What image.yml names and the caller has; what is missing is reported, and the build goes without."""
    project, given = context.plan.project, context.secrets
    secrets, agents, keys = {}, {}, {}
    for id in target.secrets:
        if secret := await given.secret(client, id, project.secrets[id]):
            secrets[id] = secret
        else:
            _missing(context, target, f"secret {id}", project.secrets[id])
    for id in target.ssh:
        source = project.ssh[id]
        if source.kind == "agent" and (agent := await given.agent(client, id, source)):
            agents[id] = agent
        elif source.kind == "file" and (key := await given.key(client, id, source)):
            keys[id] = key
        else:
            _missing(context, target, f"ssh {id}", source)
    return Mounts(secrets, agents, keys)


def _missing(context: RunContext, target: Target, what: str, source: SecretSource | SshSource) -> None:
    context.report(
        target.id, "warning", f"{what}: there is no {source.kind} {source.value}; built without it"
    )
