"""A real registry for the stages that read one; a session's is that of tests/registry."""

from tests.registry.conftest import anyio_backend, olareg, registry

__all__ = ["anyio_backend", "olareg", "registry"]
