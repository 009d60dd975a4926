"""Mirrors: the repositories that references such as `docker.io/library/debian` are fetched from.

A mirror changes the address, never the content: digests are the same, and lock, labels and provenance have the original
name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from types import MappingProxyType

from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

from .reference import Reference, Repository


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """Registries (HOST[/NAMESPACE]) to read from, in order, where `registry` cannot be reached or has lost something;
    below each, repositories have the same names. They are never written to."""

    registry: str = ""
    others: tuple[str, ...] = ()

    def of(self, reference: Reference) -> tuple[Reference, ...]:
        """The same reference in each of them; none for one that is not in `registry`."""
        text = str(reference.repository)
        if not self.registry or not text.startswith(f"{self.registry}/"):
            return ()
        name, references = text.removeprefix(f"{self.registry}/"), []
        for other in self.others:
            host, _, namespace = other.partition("/")
            repository = Repository(host, f"{namespace}/{name}" if namespace else name)
            references.append(replace(reference, repository=repository))
        return tuple(references)

    @property
    def by_host(self) -> Mapping[str, tuple[str, ...]]:
        """For programs that replace hosts alone: what to put before the same path, by the registry's host. A fallback
        where the path would be another one is not among them."""
        host, _, namespace = self.registry.partition("/")
        prefixes = []
        for other in self.others:
            if not namespace:
                prefixes.append(other)
            elif other.endswith(f"/{namespace}"):
                prefixes.append(other.removesuffix(f"/{namespace}"))
        return {host: tuple(prefixes)} if host and prefixes else {}


@dataclass(frozen=True, slots=True)
class Mirrors:
    """The repository prefix of each mirrored registry host."""

    by_host: Mapping[str, Repository] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def parse(cls, data: Mapping[str, str]) -> Mirrors:
        """Read `{"docker.io": "localhost:5000/mirror/docker.io"}`; raises ValueError."""
        return cls(
            MappingProxyType({host: Repository.parse(prefix) for host, prefix in sorted(data.items())})
        )

    def locate(self, reference: Reference) -> Reference:
        """The reference in the mirror, or the reference itself if its host has none. Raises UsageError where the
        mirror's prefix makes its path too long."""
        prefix = self.by_host.get(reference.repository.host)
        if prefix is None:
            return reference
        try:
            return replace(reference, repository=prefix.child(reference.repository.path))
        except ValueError:
            host = reference.repository.host
            raise UsageError(
                f"{reference} has no place in the mirror {prefix}: its path is too long below that",
                hint=f"use a shorter prefix for the mirror of {host}",
            ) from None
