"""Where references are really fetched from: `docker.io/library/debian` may live in a mirror.

A mirror changes the address, never the content: digests stay what they are, and everything that is
recorded (lock, labels, provenance) keeps the original name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from .reference import Reference, Repository


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Registry host -> repository prefix under which that host's repositories are mirrored."""

    by_host: Mapping[str, Repository] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def parse(cls, data: Mapping[str, str]) -> Mirrors:
        """Read `{"docker.io": "localhost:5000/mirror/docker.io"}`; raises ValueError."""
        return cls(
            MappingProxyType({host: Repository.parse(prefix) for host, prefix in sorted(data.items())})
        )

    def locate(self, reference: Reference) -> Reference:
        """The same content's address in this site."""
        prefix = self.by_host.get(reference.repository.host)
        return replace(reference, repository=prefix.child(reference.repository.path)) if prefix else reference
