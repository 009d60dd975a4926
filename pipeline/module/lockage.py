"""The object of the module: its arguments, and all its functions."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore, dag, object_type

from .argument_values import GivenSecrets, ModuleArguments
from .content import ContentFunctions
from .releases import ReleaseFunctions
from .stages import StageFunctions


@object_type
class Lockage(StageFunctions, ReleaseFunctions, ContentFunctions):
    """Takes a folder of image descriptions through build, scan, SBOM, test, push, sign and promotion."""

    source: Annotated[
        dagger.Directory,
        DefaultPath("/"),
        Ignore([".venv", "**/__pycache__", ".pytest_cache", ".hypothesis", ".ruff_cache"]),
        Doc("folder with lockage.yml and images/; with its .git for the commit"),
    ]
    # A service differs in every session, and then the engine runs this constructor in each: a start of Python. So .env
    # has no default for it, and the embedded registry is given by its forward where there is one.
    registry: Annotated[
        dagger.Service | None,
        Doc("the registry for `registry: embedded`, as this machine reaches it: tcp://localhost:PORT"),
    ] = None
    registry_forward: Annotated[
        dagger.Secret | None,
        Doc("the same as the engine's containers reach it: HOST:PORT=ADDRESS:PORT (`lockage env`)"),
    ] = None
    registry_config: Annotated[dagger.Secret | None, Doc("credentials of `registry`: a config.json")] = None
    mirrors: Annotated[
        list[str], Doc("registries that stand in for others: docker.io=harbor.example/hub")
    ] = field(default_factory=list)
    # Not `lock`: a module that is installed as a toolchain shares the flags of `dagger call`, which has that one.
    lock_file: Annotated[
        dagger.File | None, Doc("lock in force; default: the one in source, or none where there are mirrors")
    ] = None
    revision: Annotated[str, Doc("commit id; default: HEAD of source")] = ""
    author: Annotated[str, Doc("who promotes, rolls back or deletes, as ledgers name them")] = ""
    affected: Annotated[
        str, Doc("only what differs from this commit of source (id, branch or tag), and its dependents")
    ] = ""
    shard: Annotated[str, Doc("only part I of N, with its bases: 1/4")] = ""
    snapshot_id: Annotated[str, Doc("id of a snapshot: tags get it as a suffix, and nothing is promoted")] = (
        ""
    )
    locked: Annotated[bool, Doc("refuse bases and tools without a digest in the lock")] = False
    docker_config: Annotated[
        dagger.Secret | None, Doc("credentials: the content of Docker's config.json")
    ] = None
    private_key: Annotated[dagger.Secret | None, Doc("cosign key that signs")] = None
    password: Annotated[dagger.Secret | None, Doc("password of the private key")] = None
    public_key: Annotated[str, Doc("cosign key that verifies, its content (PEM)")] = ""
    identity_token: Annotated[dagger.Secret | None, Doc("OIDC token for `sign: keyless:`")] = None
    secret_ids: Annotated[
        list[str], Doc("ids of the secrets that follow, as `secrets:` of lockage.yml names them")
    ] = field(default_factory=list)
    secrets: Annotated[
        list[dagger.Secret], Doc("secrets of builds, in the order of --secret-ids: env://NAME, file://PATH")
    ] = field(default_factory=list)
    ssh_agent: Annotated[dagger.Socket | None, Doc("the SSH agent that RUN instructions may mount")] = None

    def given(self) -> ModuleArguments:
        """The arguments as one value."""
        return ModuleArguments(
            client=dag,
            source=self.source,
            registry=self.registry,
            registry_forward=self.registry_forward,
            registry_config=self.registry_config,
            mirrors=tuple(text for text in self.mirrors if text.strip()),  # .env gives an empty one
            lock_file=self.lock_file,
            revision=self.revision,
            author=self.author,
            affected=self.affected,
            shard=self.shard,
            snapshot_id=self.snapshot_id,
            locked=self.locked,
            docker_config=self.docker_config,
            private_key=self.private_key,
            password=self.password,
            public_key=self.public_key,
            identity_token=self.identity_token,
            secrets=GivenSecrets.of(self.secret_ids, self.secrets, self.ssh_agent),
        )
