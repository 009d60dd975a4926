"""The arguments of the module and of its functions as values; secrets stay Dagger's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    import dagger

    from pipeline.config.builder import SecretSource, SshSource


@dataclass(frozen=True, slots=True)
class GivenSecrets:
    """The secrets of builds by their id in lockage.yml, and an SSH agent."""

    by_id: Mapping[str, dagger.Secret] = field(default_factory=lambda: MappingProxyType({}))
    socket: dagger.Socket | None = None

    @classmethod
    def of(
        cls, ids: Sequence[str], secrets: Sequence[dagger.Secret], agent: dagger.Socket | None
    ) -> GivenSecrets:
        """From secrets and their ids in the same order. Raises UsageError unless there is one for each."""
        if len(ids) != len(secrets) or len(set(ids)) != len(ids):
            raise UsageError(
                f"{len(ids)} ids for {len(secrets)} secrets",
                hint="--secret-ids token,config --secrets env://TOKEN,file://config.json",
            )
        return cls(dict(zip(ids, secrets, strict=True)), agent)

    async def secret(self, client: dagger.Client, id: str, source: SecretSource) -> dagger.Secret | None:
        """The secret with this id."""
        return self.by_id.get(id)

    async def agent(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Socket | None:
        """The agent, whatever the id."""
        return self.socket

    async def key(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Secret | None:
        """The secret with this id, as a key."""
        return self.by_id.get(id)


@dataclass(frozen=True, slots=True)
class Selection:
    """The targets that a function is called for, and whether they are built although their keys are known."""

    targets: Sequence[str] = ()
    platforms: Sequence[str] = ()
    fresh: bool = False

    @classmethod
    def of(
        cls, targets: Sequence[str] | None, platforms: Sequence[str] | None = None, fresh: bool = False
    ) -> Selection:
        """From the arguments of a function; None is everything."""
        return cls(targets or (), platforms or (), fresh)


@dataclass(frozen=True, slots=True)
class ModuleArguments:
    """The arguments of the module. `registry` or `registry_forward` is the embedded one, `registry_config` has its
    credentials; `mirrors` are HOST=ADDRESS. `affected` is a commit, `shard` I/N; `locked` refuses bases and tools
    without a digest."""

    client: dagger.Client
    source: dagger.Directory
    registry: dagger.Service | None = None
    registry_forward: dagger.Secret | None = field(default=None, repr=False)
    registry_config: dagger.Secret | None = field(default=None, repr=False)
    mirrors: Sequence[str] = ()
    lock_file: dagger.File | None = None
    revision: str = ""
    author: str = ""
    affected: str = ""
    shard: str = ""
    snapshot_id: str = ""
    locked: bool = False
    docker_config: dagger.Secret | None = field(default=None, repr=False)
    private_key: dagger.Secret | None = field(default=None, repr=False)
    password: dagger.Secret | None = field(default=None, repr=False)
    public_key: str = ""
    identity_token: dagger.Secret | None = field(default=None, repr=False)
    secrets: GivenSecrets = field(default_factory=GivenSecrets, repr=False)
