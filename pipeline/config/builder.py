"""What a build gets beside its files: secrets, ssh, caches, attestations. Plain frozen values; none holds a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pipeline.model import Reference

Entitlement = Literal["network.host", "security.insecure"]


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a build secret comes from: an environment variable's name, a file's path, or a command's words."""

    kind: Literal["env", "file", "command"]
    value: str | tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The source as lockage.yml writes it."""
        return {self.kind: list(self.value) if isinstance(self.value, tuple) else self.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The source that `to_json` wrote."""
        [(kind, value)] = data.items()
        return cls(kind, tuple(value) if isinstance(value, list) else value)


@dataclass(frozen=True, slots=True)
class SshSource:
    """What ssh mounts reach: the agent that an environment variable names, or a private key's file."""

    kind: Literal["agent", "file"] = "agent"
    value: str = "SSH_AUTH_SOCK"

    def to_json(self) -> dict[str, Any]:
        """The source as lockage.yml writes it."""
        return {self.kind: self.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The source that `to_json` wrote."""
        [(kind, value)] = data.items()
        return cls(kind, value)


SBOM_GENERATOR = "docker.io/docker/buildkit-syft-scanner:stable-1"


@dataclass(frozen=True, slots=True)
class Attestations:
    """What BuildKit attests of a build by itself; `generator` is the image that lists packages for an SBOM."""

    provenance: Literal["none", "min", "max"] = "none"
    sbom: bool = False
    generator: Reference = field(default_factory=lambda: Reference.parse(SBOM_GENERATOR))

    def to_json(self) -> dict[str, Any]:
        """The same as data."""
        return {"provenance": self.provenance, "sbom": self.sbom, "generator": str(self.generator)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(data["provenance"], data["sbom"], Reference.parse(data["generator"]))


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A place where BuildKit's cache is kept. `attributes` are those of its type, by BuildKit's names."""

    type: Literal["registry", "s3", "local", "gha"]
    attributes: Mapping[str, str] = field(default_factory=dict)
    mode: Literal["min", "max"] = "max"
    compression: Literal["gzip", "zstd", "uncompressed"] = "zstd"
    export: Literal["always", "branch", "never"] = "branch"

    def to_json(self) -> dict[str, Any]:
        """The entry as data."""
        return {
            "type": self.type,
            "attributes": dict(self.attributes),
            "mode": self.mode,
            "compression": self.compression,
            "export": self.export,
        }
