"""Where the secrets and SSH keys of builds come from: whoever runs the program provides them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import dagger

    from pipeline.config.builder import SecretSource, SshSource


class Secrets(Protocol):
    """Provides secrets as the engine's own; None for one that does not exist, which a build may do without.

    Each method raises UsageError or EnvironmentProblem for a source that fails.
    """

    async def secret(self, client: dagger.Client, id: str, source: SecretSource) -> dagger.Secret | None:
        """The secret with this id."""

    async def agent(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Socket | None:
        """The socket of an SSH agent."""

    async def key(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Secret | None:
        """A private SSH key."""


class NoSecrets:
    """Provides none."""

    async def secret(self, client: dagger.Client, id: str, source: SecretSource) -> dagger.Secret | None:
        """None."""

    async def agent(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Socket | None:
        """None."""

    async def key(self, client: dagger.Client, id: str, source: SshSource) -> dagger.Secret | None:
        """None."""
