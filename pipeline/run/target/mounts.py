"""What RUN instructions of a target may mount: secrets and SSH keys from whoever runs the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    import dagger

    from pipeline.config import Project
    from pipeline.plan import Target

    from ..secrets import Secrets


@dataclass(frozen=True, slots=True)
class Mounts:
    """The secrets and keys of one build by id, and what is missing, in words."""

    secrets: Mapping[str, dagger.Secret] = field(default_factory=lambda: MappingProxyType({}))
    agents: Mapping[str, dagger.Socket] = field(default_factory=lambda: MappingProxyType({}))
    keys: Mapping[str, dagger.Secret] = field(default_factory=lambda: MappingProxyType({}))
    missing: tuple[str, ...] = ()


async def find_mounts(target: Target, project: Project, provider: Secrets, client: dagger.Client) -> Mounts:
    """What image.yml names, as far as the caller provides it."""
    secrets, agents, keys, missing = {}, {}, {}, []
    for id in target.secrets:
        if secret := await provider.secret(client, id, project.secrets[id]):
            secrets[id] = secret
        else:
            missing.append(f"secret {id}: there is no {project.secrets[id].kind} {project.secrets[id].value}")
    for id in target.ssh:
        source = project.ssh[id]
        if source.kind == "agent" and (agent := await provider.agent(client, id, source)):
            agents[id] = agent
        elif source.kind == "file" and (key := await provider.key(client, id, source)):
            keys[id] = key
        else:
            missing.append(f"ssh {id}: there is no {source.kind} {source.value}")
    return Mounts(secrets, agents, keys, tuple(missing))
