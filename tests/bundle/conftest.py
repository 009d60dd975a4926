"""Real registries, as the tests of the client have them."""

from tests.registry.conftest import anyio_backend, crane, distribution, host, olareg, registry, repo

__all__ = ["anyio_backend", "crane", "distribution", "host", "olareg", "registry", "repo"]
