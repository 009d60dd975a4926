"""What a build gets beside its files: secrets, ssh, caches, attestations. Plain frozen values; none holds a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, Self

from pipeline.model import Reference
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_flag, as_literal, as_text, as_text_mapping, as_texts

Entitlement = Literal["network.host", "security.insecure"]
SecretKind = Literal["env", "file", "command"]
SshKind = Literal["agent", "file"]
Provenance = Literal["none", "min", "max"]
CacheType = Literal["registry", "s3", "local", "gha"]
CacheMode = Literal["min", "max"]
Compression = Literal["gzip", "zstd", "uncompressed"]
CacheExport = Literal["always", "branch", "never"]


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a build secret comes from: an environment variable's name, a file's path, or a command's words."""

    kind: SecretKind
    value: str | tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The source as lockage.yml writes it."""
        return {self.kind: list(self.value) if isinstance(self.value, tuple) else self.value}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote."""
        [(kind, value)] = data.items()
        return cls(
            as_literal(kind, "env", "file", "command"),
            as_texts(value) if isinstance(value, list) else as_text(value),
        )


@dataclass(frozen=True, slots=True)
class SshSource:
    """What ssh mounts reach: the agent that an environment variable names, or a private key's file."""

    kind: SshKind = "agent"
    value: str = "SSH_AUTH_SOCK"

    def to_json(self) -> dict[str, object]:
        """The source as lockage.yml writes it."""
        return {self.kind: self.value}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote."""
        [(kind, value)] = data.items()
        return cls(as_literal(kind, "agent", "file"), as_text(value))


SBOM_GENERATOR = "docker.io/docker/buildkit-syft-scanner:stable-1"


@dataclass(frozen=True, slots=True)
class Attestations:
    """What BuildKit attests of a build by itself; `generator` is the image that lists packages for an SBOM."""

    provenance: Provenance = "none"
    sbom: bool = False
    generator: Reference = field(default_factory=lambda: Reference.parse(SBOM_GENERATOR))

    def to_json(self) -> dict[str, object]:
        """The attestations as data."""
        return {"provenance": self.provenance, "sbom": self.sbom, "generator": str(self.generator)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            as_literal(data["provenance"], "none", "min", "max"),
            as_flag(data["sbom"]),
            Reference.parse(as_text(data["generator"])),
        )


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A place where BuildKit's cache is kept. `attributes` are those of its type, by BuildKit's names."""

    type: CacheType
    attributes: Mapping[str, str] = field(default_factory=dict)
    mode: CacheMode = "max"
    compression: Compression = "zstd"
    export: CacheExport = "branch"

    def to_json(self) -> dict[str, object]:
        """The entry as data."""
        return {
            "type": self.type,
            "attributes": dict(self.attributes),
            "mode": self.mode,
            "compression": self.compression,
            "export": self.export,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            as_literal(data["type"], "registry", "s3", "local", "gha"),
            as_text_mapping(data["attributes"]),
            as_literal(data["mode"], "min", "max"),
            as_literal(data["compression"], "gzip", "zstd", "uncompressed"),
            as_literal(data["export"], "always", "branch", "never"),
        )
