"""Real registries for the tests that read one; a session's are those of tests/registry."""

from tests.registry.conftest import anyio_backend, distribution, host, olareg, registry

__all__ = ["anyio_backend", "distribution", "host", "olareg", "registry"]
